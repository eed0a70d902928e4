"""Which user a Google account belongs to after a sign-in, and what the sign-in brought for it."""

from dataclasses import dataclass

from libs.common import outbox
from libs.common.db import Connection
from libs.common.errors import Refused
from libs.common.events import AccountConnected
from libs.common.google.oauth import Grant
from libs.common.ids import AccountId, UserId, new_id
from libs.common.log import get_logger
from services.auth.context import Context
from services.auth.domain.sign_in import NO_LASTING_PERMISSION, GoogleProfile, PendingSignIn, granted_scopes
from services.auth.domain.sign_up import NotAdmitted, SignUpPolicy
from services.auth.store import accounts, users


@dataclass(frozen=True)
class LinkedAccount:
    """A Google account and the user whose it is."""

    id: AccountId
    user_id: UserId


async def link_account(
    connection: Connection, sign_up: SignUpPolicy, profile: GoogleProfile, pending: PendingSignIn
) -> LinkedAccount:
    """Whose account this is from now on; the rows of the user and the account are there and locked afterwards.

    NotAdmitted: nobody's, and this person may not become a user.
    Refused: `account_taken`, `other_account` (409), `unauthenticated` (401). Then the fresh tokens are dropped and not
    revoked: revoking would end the other user's grant too, Google has one per account and client.
    """
    await users.lock_sub(connection, profile.sub)
    owner = await users.get_owner(connection, profile.sub)
    if pending.user_id is not None:
        user_id = pending.user_id
        account_id = await _get_account_to_add(connection, profile, user_id, pending.account_id, owner)
    elif owner is not None and await users.lock_user(connection, owner.user_id):
        user_id, account_id = owner.user_id, owner.account_id
    else:
        user_id, account_id = await _sign_up(connection, sign_up, profile), None
    await users.update_profile(connection, user_id, profile)
    if account_id is None:
        account_id = AccountId(new_id())
        await accounts.insert_account(connection, account_id, user_id, profile, NO_LASTING_PERMISSION)
    return LinkedAccount(account_id, user_id)


async def _sign_up(connection: Connection, sign_up: SignUpPolicy, profile: GoogleProfile) -> UserId:
    """A new user; the first of all owns the installation. NotAdmitted: not this person."""
    installation_is_new = await users.lock_sign_up(connection)
    if not sign_up.admits(profile, installation_is_new=installation_is_new):
        raise NotAdmitted
    user_id = UserId(new_id())
    await users.insert_user(connection, user_id, profile, owner=installation_is_new)
    get_logger().info("user_created", user=user_id, owner=installation_is_new)
    return user_id


async def _get_account_to_add(
    connection: Connection,
    profile: GoogleProfile,
    user_id: UserId,
    renewed: AccountId | None,
    owner: users.Owner | None,
) -> AccountId | None:
    """The signed-in user's row for the account, None where there is none yet. `renewed`: the account to renew, and no other.

    Refused: see link_account.
    """
    if not await users.lock_user(connection, user_id):
        raise Refused(401, "unauthenticated", "You are no longer signed in. Sign in again.")
    if owner is not None and owner.connected and owner.user_id != user_id:
        raise Refused(
            409,
            "account_taken",
            f"{profile.address} is connected to another user here. Disconnect it there first, or sign in with it.",
        )
    account_id = await users.get_account_id(connection, user_id, profile.sub)
    if renewed is not None and account_id != renewed:
        raise Refused(
            409,
            "other_account",
            f"You chose {profile.address} at Google, which is not the account that was to be renewed. Start again.",
        )
    return account_id


async def store_grant(
    context: Context, connection: Connection, account: LinkedAccount, grant: Grant, profile: GoogleProfile
) -> bool:
    """Store what the sign-in brought; `account.connected` goes to the outbox where something changed. Whether a refresh token is held."""
    before = await accounts.get_account_for_update(connection, account.user_id, account.id)
    assert before is not None, "link_account made it, or found it"
    seal = context.keyring.seal
    granted = accounts.SealedGrant(
        address=profile.address,
        name=profile.name,
        scopes=granted_scopes(grant.scopes),
        access_token=seal(grant.access_token, account.id, "access"),
        access_expires_at=context.now() + grant.lifetime,
        refresh_token=seal(grant.refresh_token, account.id, "refresh") if grant.refresh_token else None,
    )
    await accounts.update_grant(connection, account.id, granted, NO_LASTING_PERMISSION)
    lasting = granted.refresh_token is not None or before.refresh_token is not None
    known = (before.account.address, before.account.scopes) == (granted.address, granted.scopes)
    if lasting and (granted.refresh_token is not None or not known):
        await outbox.add(
            connection,
            AccountConnected(
                user_id=account.user_id,
                account_id=account.id,
                address=granted.address,
                scopes=granted.scopes,
                again=before.connected_before,
                sequence=await accounts.next_sequence(connection, account.id),
                at=context.now(),
            ),
        )
    return lasting
