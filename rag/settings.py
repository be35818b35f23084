"""One frozen Settings, built at an edge from arguments, SAYSO_* variables and a TOML file, in that order.

Holds values, never objects. The file is `settings.toml` in the user's configuration folder (`Settings.file()`).
"""

import hashlib
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from index.errors import UsageError


class Settings(BaseSettings):
    """library: folder, "" for the default one in the user's data folder. embedder: a sentence-transformers model.

    dtype: "auto" looks at the processor. max_quotes: quotes in an answer. abstain_below: the probability that the best
    evidence must reach, where the curve in eval/calibration.json bends. model: a LiteLLM name, gguf:PATH or
    hf:OWNER/REPO/FILE.gguf, "" for the quoted answer. window: the model's, in tokens; 0 asks it. timeout_s: for a whole
    written answer. key_file: NAME=value lines. verifier: a CrossEncoder's folder or name, "" for the one inside.
    """

    model_config = SettingsConfigDict(env_prefix="SAYSO_", frozen=True, extra="forbid", validate_default=True)

    library: str = ""
    embedder: str = "all-MiniLM-L6-v2"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    max_question_chars: int = Field(default=2000, ge=1)
    max_quotes: int = Field(default=3, ge=1, le=10)
    abstain_below: float = Field(default=0.25, ge=0.0, le=1.0)
    model: str = ""
    api_base: str = ""
    window: int = Field(default=0, ge=0)
    timeout_s: float = Field(default=60.0, gt=0.0, le=3600.0)
    key_file: str = ""
    verifier: str = ""
    cache: bool = True

    @classmethod
    def load(cls, **given: object) -> "Settings":
        """Settings from all sources. Raises UsageError naming the field, what is wrong and where it may come from."""
        try:
            return cls(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise UsageError(
                f"setting {name!r} is {first['input']!r}: {first['msg'].lower()}; "
                f"mend SAYSO_{name.upper()} or {str(cls.file())!r}"
            ) from error

    @staticmethod
    def file() -> Path:
        return platformdirs.user_config_path("sayso") / "settings.toml"

    @staticmethod
    def libraries_folder() -> Path:
        """Where the default library lies, and those made in the chat."""
        return platformdirs.user_data_path("sayso")

    @property
    def library_path(self) -> Path:
        return Path(self.library) if self.library else self.libraries_folder() / "default.library"

    @property
    def hash(self) -> str:
        """Of everything that can change an answer: not of where the library lies."""
        return hashlib.sha256(
            self.model_dump_json(exclude={"library", "cache", "key_file", "timeout_s"}).encode()
        ).hexdigest()[:12]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # no .env: what it holds may be anyone's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, cls.file())
