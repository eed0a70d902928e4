"""Safe edges: what comes from outside, and what goes out to others."""

from tests.sabotage.mutation import Mutation

MUTATIONS: tuple[Mutation, ...] = ()
