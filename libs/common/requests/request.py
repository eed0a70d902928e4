"""What every request and its reply are made of."""

from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from libs.common.ids import Service

# Each service validates a few of all the shapes that it imports with this package. A validator is built when it is first needed: to build
# them all is an eighth of the time of importing.


class FrozenModel(BaseModel):
    """A reply, or a part of one or of a request."""

    model_config = ConfigDict(frozen=True, defer_build=True)


R = TypeVar("R", bound=BaseModel)


class Request(BaseModel, Generic[R]):
    """Sent by one service, served by another, with one reply, whose type is `reply`."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    subject: ClassVar[str]
    served_by: ClassVar[Service]
    requested_by: ClassVar[tuple[Service, ...]]
    reply: ClassVar[type[BaseModel]]


class Command(Request[R]):
    """A request to change something."""


class Query(Request[R]):
    """A request to know something; it changes nothing that anybody could see."""


class Done(FrozenModel):
    """It was done; there is nothing more to report."""
