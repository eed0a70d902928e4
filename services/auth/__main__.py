"""Wires the service: python -m services.auth"""

from functools import partial

from libs.common import outbox
from libs.common import requests as q
from libs.common.errors import Outage
from libs.common.service import Resources, run
from services.auth.context import Context
from services.auth.handlers.accounts import delete_user, disconnect, list_accounts
from services.auth.handlers.preferences import get_settings, put_settings
from services.auth.handlers.sessions import create_api_token, delete_api_token, list_api_tokens, sign_out, who_is
from services.auth.handlers.sign_in import begin_sign_in, finish_sign_in
from services.auth.handlers.tokens import give_token
from services.auth.keyring import BadKey


async def wire(r: Resources) -> None:
    try:
        context = Context.of(r)
    except BadKey as error:
        raise Outage(str(error)) from error  # without a key nothing works: `run` ends with this sentence
    r.bus.respond(q.BeginSignIn, partial(begin_sign_in, context))
    r.bus.respond(q.FinishSignIn, partial(finish_sign_in, context))
    r.bus.respond(q.WhoIs, partial(who_is, context))
    r.bus.respond(q.SignOut, partial(sign_out, context))
    r.bus.respond(q.GetToken, partial(give_token, context))
    r.bus.respond(q.ListAccounts, partial(list_accounts, context))
    r.bus.respond(q.Disconnect, partial(disconnect, context))
    r.bus.respond(q.DeleteUser, partial(delete_user, context))
    r.bus.respond(q.GetSettings, partial(get_settings, context))
    r.bus.respond(q.PutSettings, partial(put_settings, context))
    r.bus.respond(q.CreateApiToken, partial(create_api_token, context))
    r.bus.respond(q.ListApiTokens, partial(list_api_tokens, context))
    r.bus.respond(q.DeleteApiToken, partial(delete_api_token, context))
    r.run_in_background("outbox", partial(outbox.keep_relaying, r.db, r.bus))


if __name__ == "__main__":
    run("auth", wire)
