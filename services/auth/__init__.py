"""Who the users are: sign-in with Google, connected accounts and their tokens, sessions, API tokens, settings.

Owns: users, Google accounts with their (encrypted) refresh tokens, sessions, personal API tokens, preferences.
Hears: nothing; it answers the `auth.*` questions of libs/common/questions.
Says: account.connected, account.reauth_required, account.disconnected, user.deleted, settings.changed, each through the outbox in
the transaction that made it true.
"""
