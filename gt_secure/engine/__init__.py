"""Policies and facts in; exact answers, proofs and signers out. No account,
and nothing but the standard library.
"""
