"""Runs the auth service: `python -m services.auth`."""

from functools import partial

from libs.common import outbox
from libs.common import requests as q
from libs.common.service import Resources, run
from services.auth.context import Context
from services.auth.handlers import (
    access_tokens,
    accounts,
    api_tokens,
    preferences,
    sessions,
    sign_in,
    users,
)


async def wire(r: Resources) -> None:
    context = Context.of(r)
    r.bus.respond(q.GetSignInSetup, partial(sign_in.get_setup, context))
    r.bus.respond(q.BeginSignIn, partial(sign_in.begin_sign_in, context))
    r.bus.respond(q.FinishSignIn, partial(sign_in.finish_sign_in, context))
    r.bus.respond(q.WhoIs, partial(sessions.authenticate, context))
    r.bus.respond(q.SignOut, partial(sessions.sign_out, context))
    r.bus.respond(q.SignOutEverywhere, partial(sessions.sign_out_everywhere, context))
    r.bus.respond(q.GetToken, partial(access_tokens.get_token, context))
    r.bus.respond(q.ListAccounts, partial(accounts.list_accounts, context))
    r.bus.respond(q.ListAccountStates, partial(accounts.list_account_states, context))
    r.bus.respond(q.Disconnect, partial(accounts.disconnect, context))
    r.bus.respond(q.DeleteUser, partial(users.delete_user, context))
    r.bus.respond(q.GetSettings, partial(preferences.get_settings, context))
    r.bus.respond(q.PutSettings, partial(preferences.put_settings, context))
    r.bus.respond(q.CreateApiToken, partial(api_tokens.create_api_token, context))
    r.bus.respond(q.ListApiTokens, partial(api_tokens.list_api_tokens, context))
    r.bus.respond(q.DeleteApiToken, partial(api_tokens.delete_api_token, context))
    r.run_in_background("outbox", partial(outbox.keep_relaying, r.db, r.bus))


if __name__ == "__main__":
    run("auth", wire)
