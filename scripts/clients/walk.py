"""The walk through the API with openapi-python-client."""

import base64
import os
import random
from io import BytesIO
from typing import TypeVar

import httpx
from drive import AuthenticatedClient, Client
from drive.api.account import login, register
from drive.api.files import create_file, get_content, get_file, put_content
from drive.api.folders import archive_folder, create_folder, list_folder
from drive.api.profile_photo import set_profile_photo
from drive.api.sharing import create_share, list_received_shares
from drive.api.uploads import complete_upload
from drive.models import (
    CreatedUpload,
    CreateFolder,
    CreateShare,
    CreateUpload,
    FileConflict,
    FileForm,
    FileItem,
    LoginForm,
    Permission,
    PhotoForm,
    Problem,
    Register,
    ShareObjectType,
    ListFolderOrder,
    ListFolderSortBy,
)
from drive.types import File

API = os.environ["API"]
PASSWORD = "a quiet morning"
BYTES = bytes(range(256))
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

T = TypeVar("T")


def ok(answer: T | Problem | None) -> T:
    """The body of a response, which must be successful."""
    assert answer is not None and not isinstance(answer, Problem), answer
    return answer


def user(name: str) -> AuthenticatedClient:
    anonymous = Client(base_url=API)
    account = Register(username=name, email=f"{name}@example.com", password=PASSWORD)
    ok(register.sync(client=anonymous, body=account))
    form = LoginForm(grant_type="password", username=name, password=PASSWORD)
    token = ok(login.sync(client=anonymous, body=form))
    return AuthenticatedClient(base_url=API, token=token.access_token, follow_redirects=True)


def main() -> None:
    mark = f"{os.getpid()}-{random.randrange(10**9)}"
    ann, ben = user(f"ann-{mark}"), user(f"ben-{mark}")

    folder = ok(create_folder.sync(client=ann, body=CreateFolder(folder_name="Letters")))

    form = FileForm(
        file=File(payload=BytesIO(BYTES), file_name="letter.bin"),
        parent_folder_id=folder.id,
        file_conflict=FileConflict.REPLACE,
    )
    letter = ok(create_file.sync(client=ann, body=form))
    assert isinstance(letter, FileItem) and letter.size_in_bytes == len(BYTES)

    text = b"Yours, Ann\n"
    wish = CreateUpload(
        file_name="answer.txt",
        file_size_in_bytes=len(text),
        parent_folder_id=folder.id,
        file_conflict=FileConflict.REPLACE,
    )
    upload = ok(create_file.sync(client=ann, body=wish))
    assert isinstance(upload, CreatedUpload)
    (part,) = upload.parts
    httpx.put(part.url, content=text, headers=part.headers.to_dict()).raise_for_status()
    answer = ok(complete_upload.sync(upload.upload_id, client=ann))

    listing = ok(list_folder.sync(folder.id, client=ann, sort_by=ListFolderSortBy.NAME, order=ListFolderOrder.ASC))
    assert [item.name for item in listing.items] == ["answer.txt", "letter.bin"]
    assert [item.size_in_bytes for item in listing.items if isinstance(item, FileItem)] == [len(text), len(BYTES)]

    share = CreateShare(
        share_object_type=ShareObjectType.FOLDER,
        folder_id=folder.id,
        username=f"ben-{mark}",
        permission=Permission.VIEW,
    )
    ok(create_share.sync(client=ann, body=share))
    received = ok(list_received_shares.sync(client=ben))
    assert received.items[0].item.name == "Letters"
    seen = ok(get_file.sync(answer.id, client=ben))
    assert httpx.get(seen.download.url).raise_for_status().content == text

    # Raw bytes, both ways.
    content = ok(get_content.sync(letter.id, client=ben))
    assert content.payload.read() == BYTES
    turned = BYTES[::-1]
    ok(put_content.sync(letter.id, client=ann, body=File(payload=BytesIO(turned))))
    content = ok(get_content.sync(letter.id, client=ben))
    assert content.payload.read() == turned

    photo = PhotoForm(photo=File(payload=BytesIO(PICTURE), file_name="me.png", mime_type="image/png"))
    ok(set_profile_photo.sync(client=ann, body=photo))
    archive = ok(archive_folder.sync(folder.id, client=ann))
    assert archive.payload.read(2) == b"PK"


main()
