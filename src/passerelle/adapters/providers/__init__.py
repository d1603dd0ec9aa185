"""Where do completions and embeddings come from?"""
