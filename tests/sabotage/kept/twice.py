"""Nothing twice: every unique key and every fence against the late writer that it is there for."""

from tests.sabotage.mutation import Mutation

MUTATIONS: tuple[Mutation, ...] = ()
