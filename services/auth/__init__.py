"""Auth: who the users are, which Google accounts they connected, and the access tokens for these.

Owns users, Google accounts with their (encrypted) refresh tokens, sessions, personal API tokens and settings.
Consumes nothing.
Publishes account.connected, account.reauth_required, account.disconnected, user.deleted, settings.changed.
Serves auth.accounts, auth.account_states, auth.token, auth.settings, auth.put_settings, auth.sign_in_setup, auth.begin, auth.finish,
    auth.whois, auth.sign_out, auth.sign_out_everywhere, auth.create_token, auth.tokens, auth.delete_token,
    auth.disconnect, auth.delete_user.
Requests nothing.

Every event goes through the outbox, in the transaction that made it true. Where to look:

    handlers/sign_in.py → authorization.py (the URL to Google, the tokens for the code) → account_linking.py (whose account it is)
    handlers/access_tokens.py → token_refresh.py: one replica refreshes, under the lease of store/access_tokens.py; others wait for it
    handlers/accounts.py, handlers/users.py → revocation.py: the grant at Google ends first, then the tokens are deleted
    keyring.py encrypts tokens and sign-ins under way; rotate.py re-encrypts them under a new key
    credentials.py makes random secrets, and the fingerprints that are stored of them
    domain/ decides: who may become a user, when consent is needed, what is refused and why, the reason why a token died
"""
