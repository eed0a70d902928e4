"""The SQL of sync, by subject. Functions take a connection; the caller owns the transaction.

Rows do not leave this package: what comes out are frozen values, most of them of `domain`.
"""
