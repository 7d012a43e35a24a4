"""Reads and writes the XML that S3 speaks: documents, errors, and what clients send."""

from collections.abc import Mapping
from xml.etree import ElementTree

from starlette.responses import Response

from pipeline.sandbox.web import Problem

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
Content = str | int | list["Node"]
Node = tuple[str, Content]


class S3Problem(Problem):
    """Raised for an error as S3 says it: a code that clients make an exception type of, and a sentence."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, f"{code}: {message}", headers)
        self.code, self.message = code, message

    def response(self) -> Response:
        inside: list[Node] = [("Code", self.code), ("Message", self.message)]
        return Response(written(("Error", inside), ""), self.status, self.headers, media_type="application/xml")


def no_such_key(key: str) -> S3Problem:
    return S3Problem(404, "NoSuchKey", f"The specified key does not exist: {key}")


def no_such_bucket() -> S3Problem:
    return S3Problem(404, "NoSuchBucket", "The specified bucket does not exist.")


def answer(root: str, inside: Content) -> Response:
    return Response(written((root, inside), NAMESPACE), 200, media_type="application/xml")


def written(node: Node, namespace: str) -> bytes:
    made = _element(node)
    if namespace:
        made.set("xmlns", namespace)
    return b'<?xml version="1.0" encoding="UTF-8"?>' + ElementTree.tostring(made, "unicode").encode()


def _element(node: Node) -> ElementTree.Element:
    name, content = node
    made = ElementTree.Element(name)
    if isinstance(content, list):
        made.extend([_element(one) for one in content])
    else:
        made.text = str(content)
    return made


def read(content: bytes, many: str) -> list[dict[str, str]]:
    """Read the elements called ``many`` below the root, each as its children's texts. Raises S3Problem."""
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        raise S3Problem(400, "MalformedXML", "The XML you provided was not well formed.") from None
    found = [one for one in root if _name(one) == many]
    return [{_name(child): child.text or "" for child in one} for one in found]


def says(content: bytes, name: str) -> str:
    """Read the text of one child of the root; empty when there is none. The document was read before."""
    return next((one.text or "" for one in ElementTree.fromstring(content) if _name(one) == name), "")


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
