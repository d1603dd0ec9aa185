"""flag → review → case → dataset → evaluation → promotion or fine-tuning"""
