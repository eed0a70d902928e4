"""What people read: briefs, prompts, quotations, durations and dates."""

from tests.sabotage.mutation import Mutation

MUTATIONS: tuple[Mutation, ...] = ()
