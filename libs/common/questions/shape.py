"""What every question and answer is made of."""

from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from libs.common.ids import Service


class Shape(BaseModel):
    """An answer or a part of one."""

    model_config = ConfigDict(frozen=True)


R = TypeVar("R", bound=BaseModel)


class Question(BaseModel, Generic[R]):
    """Asked by one service, answered by another. `reply` is the answer's type."""

    model_config = ConfigDict(frozen=True)

    subject: ClassVar[str]
    answered_by: ClassVar[Service]
    asked_by: ClassVar[tuple[Service, ...]]
    reply: ClassVar[type[BaseModel]]


class Done(Shape):
    """It was done; there is nothing more to say."""
