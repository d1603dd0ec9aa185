"""Where do documents, prompts, prices and foreign logs come from?"""
