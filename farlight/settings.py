"""What can be set, once, when a process starts. Environment wins over `farlight.toml`; unknown keys are refused."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from storage.blobs import S3Keys
from storage.errors import Invalid

PREFIX = "FARLIGHT_"
FILE = Path("farlight.toml")


class Settings(BaseSettings):
    """One frozen object, passed to whoever needs it. Each field is `FARLIGHT_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    data: Path = Field(
        default=Path("farlight-data"), description="folder for everything that is kept locally"
    )
    database_url: str = Field(
        default="", description="sqlite:///path or postgresql://…; SQLite in the data folder unless set"
    )
    blobs_url: str = Field(
        default="",
        description="file:///folder or s3://bucket?endpoint=…; a folder in the data folder unless set",
    )
    s3_access_key: SecretStr = Field(default=SecretStr(""), description="access key of the S3 store")
    s3_secret_key: SecretStr = Field(default=SecretStr(""), description="secret key of the S3 store")
    http_host: str = Field(default="0.0.0.0", description="address the web role listens on")  # noqa: S104
    http_port: int = Field(default=8080, ge=0, le=65535, description="port the web role listens on")
    web_processes: int = Field(
        default_factory=lambda: min(4, os.cpu_count() or 1),
        ge=1,
        le=64,
        description="processes that answer on the HTTP port side by side",
    )
    http_origins: str = Field(
        default="",
        pattern=r"^(\s*https?://[A-Za-z0-9.-]+(:\d{1,5})?\s*(,|$))*$",
        description="origins whose pages may read from here, with commas between: https://viewer.example.org",
    )
    volume_memory_mb: int = Field(
        default=1024, ge=64, le=1 << 20, description="MiB in which each web process keeps volumes (MPR, 3-D)"
    )
    dicom_host: str = Field(default="0.0.0.0", description="address the DICOM node listens on")  # noqa: S104
    dicom_port: int = Field(default=11112, ge=0, le=65535, description="port the DICOM node listens on")
    dicom_processes: int = Field(
        default_factory=lambda: min(4, os.cpu_count() or 1),
        ge=1,
        le=64,
        description="processes that receive on the DICOM port side by side",
    )
    dicom_associations: int = Field(
        default=2000, ge=1, description="associations that one process of the node holds at most"
    )
    dicom_associations_per_site: int = Field(
        default=100, ge=1, description="and at most so many of one hospital"
    )
    dicom_tls_port: int | None = Field(
        default=None, ge=0, le=65535, description="port the DICOM node listens on with TLS; off unless set"
    )
    dicom_tls_certificate: Path | None = Field(
        default=None, description="our certificate with its chain, a PEM file"
    )
    dicom_tls_key: Path | None = Field(default=None, description="its private key, a PEM file")
    dicom_tls_authorities: Path | None = Field(
        default=None, description="authorities whose certificates nodes show, a PEM file"
    )
    dicom_tls_clients: Literal["none", "optional", "required"] = Field(
        default="optional", description="whether nodes must show a certificate of their own"
    )
    ae_title: str = Field(default="FARLIGHT", min_length=1, max_length=16, description="our own AE title")
    quiet_seconds: float = Field(
        default=60.0, ge=0, description="a study without new images for this long is quiet: its request opens"
    )
    pack_after_hours: Annotated[float, Field(ge=0, le=1e6)] | Literal["auto", "off"] = Field(
        default="auto",
        description="studies without new images for this long are packed; auto: 6 in a bucket, off in a folder",
    )
    pack_megabytes_per_second: float = Field(
        default=20.0, gt=0, description="megabytes a second that are read at most while packing"
    )
    retry_seconds: float = Field(
        default=30.0,
        gt=0,
        description="wait before a failed delivery is tried again; later waits grow from it",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment, then what was read from the file (passed as keywords)."""
        return env_settings, init_settings

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.data.absolute() / 'farlight.db'}"

    @property
    def blobs(self) -> str:
        """The blob store URL in force."""
        return self.blobs_url or f"file://{self.data.absolute() / 'blobs'}"

    @property
    def origins(self) -> tuple[str, ...]:
        """The registered origins, one by one."""
        return tuple(origin.strip().lower() for origin in self.http_origins.split(",") if origin.strip())

    @property
    def s3_keys(self) -> S3Keys:
        """The keys of the S3 store; empty unless set."""
        return S3Keys(self.s3_access_key.get_secret_value(), self.s3_secret_key.get_secret_value())


def load_settings(environ: Mapping[str, str] | None = None, file: Path = FILE) -> Settings:
    """Read file and environment. Raises `Invalid`, naming the key, for what is unknown or malformed."""
    environ = os.environ if environ is None else environ
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    if unknown := sorted(key for key in environ if key.startswith(PREFIX) and key not in known):
        raise Invalid(f"{unknown[0]} is no setting of Farlight; there are: {', '.join(sorted(known))}")
    try:
        return Settings(**_read(file))
    except ValidationError as why:
        first = why.errors()[0]
        key = str(first["loc"][0])  # of what may be of several kinds the rest of it says which
        raise Invalid(f"{PREFIX}{key.upper()} (or {key} in {file}): {first['msg']}") from why


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as why:
        raise Invalid(f"{file} is not valid TOML: {why}") from why
