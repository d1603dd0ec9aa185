"""who? → may they spend? → may this pass? → what do we know? → which model? → grounded? → ledger"""
