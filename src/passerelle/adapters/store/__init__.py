"""Where is what must outlive the process kept?"""
