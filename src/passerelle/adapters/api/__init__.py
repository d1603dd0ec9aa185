"""What may people and programs ask of the control plane?"""
