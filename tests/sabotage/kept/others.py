"""Nobody else's: whose a row is, looked at in every query."""

from tests.sabotage.mutation import Mutation

MUTATIONS: tuple[Mutation, ...] = ()
