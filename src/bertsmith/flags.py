"""A command-line flag for every setting, made from the settings themselves: a flag and a TOML key cannot disagree."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from bertsmith.config import fields, flag

PANELS = {
    "data": "Data",
    "model": "Model",
    "training": "Recipe",
    "runtime": "Machine",
    "output": "Output",
}


def with_settings(
    *sections: str, leave_out: tuple[str, ...] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one flag for every setting of these sections; it receives those that were used as `settings`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [
            parameter
            for parameter in inspect.signature(command, eval_str=True).parameters.values()
            if parameter.name != "settings"
        ]
        flags = [
            _flag_parameter(section, name)
            for section, name, _ in fields()
            if section in sections and name not in leave_out
        ]
        names = {parameter.name for parameter in flags}

        def wrapped(**given: Any) -> None:
            settings = {name: value for name, value in given.items() if name in names and value is not None}
            command(**{name: value for name, value in given.items() if name not in names}, settings=settings)

        wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
        wrapped.__signature__ = inspect.Signature(own + flags)  # type: ignore[attr-defined]
        wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in own + flags}
        return wrapped

    return decorate


def _flag_parameter(section: str, name: str) -> inspect.Parameter:
    """The command-line flag of a setting; None means not given, so that a config file can fill it."""
    field = next(field for owner, field_name, field in fields() if (owner, field_name) == (section, name))
    default = "" if field.default in (None, False) else f" [default: {field.default}]"
    option = typer.Option(
        flag(name),
        help=f"{field.description}{default}",
        rich_help_panel=PANELS[section],
        show_default=False,
        metavar="<code>" if name == "ignore" else None,
    )
    annotation = bool | None if field.annotation is bool else field.annotation
    optional = annotation if None in getattr(annotation, "__args__", ()) else annotation | None  # type: ignore[operator]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[optional, option]
    )
