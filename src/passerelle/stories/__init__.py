"""Where the domain's parts meet, one file per arrow."""
