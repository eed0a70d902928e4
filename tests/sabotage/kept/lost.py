"""Nothing lost: store, publish, then acknowledge or move the cursor."""

from tests.sabotage.mutation import Mutation

MUTATIONS: tuple[Mutation, ...] = ()
