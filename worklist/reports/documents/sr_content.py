"""The content tree of a report: TID 2005, headings with text, and the key images (PS3.16)."""

from __future__ import annotations

from highdicom.sr import (
    CodedConcept,
    ContainerContentItem,
    ContentItem,
    ImageContentItem,
    LanguageOfContentItemAndDescendants,
    RelationshipTypeValues,
    TextContentItem,
)
from pydicom.sr.coding import Code

from worklist.reports.documents.characters import clean
from worklist.reports.documents.coding import (
    KEY_IMAGES,
    KEY_OBJECT_DESCRIPTION,
    SECTIONS,
    SUMMARY,
    TITLE,
    language_code,
)
from worklist.reports.documents.content import KeyImage, ReportDocument
from worklist.reports.documents.dicom_text import long_text
from worklist.reports.documents.language import in_language_of, language_of
from worklist.reports.documents.wording import NOTICES, POSITIVITY


def content_tree(document: ReportDocument) -> ContainerContentItem:
    """The root container (PS3.3 C.17.3) with language, summary, sections and key images."""
    root = ContainerContentItem(name=TITLE, template_id="2005")
    language = LanguageOfContentItemAndDescendants(language_code(language_of(document)))
    images = [_key_image(image) for image in document.key_images]
    return _filled(root, [*language, *_sections(document), *images])


def _sections(document: ReportDocument) -> list[ContainerContentItem]:
    texts = [(SUMMARY, _summary(document))]
    texts += [(names, getattr(document, field)) for field, names in SECTIONS.items()]
    written = [(names, long_text(text)) for names, text in texts if clean(text).strip()]
    return [_container(heading, [_text(element, text)]) for (heading, element), text in written]


def _summary(document: ReportDocument) -> str:
    """What the paper says in banner and box, for those who see only the tree."""
    words = (NOTICES.get(document.kind), POSITIVITY.get(document.positivity))
    return "\n".join(in_language_of(document, word) for word in words if word)


def _key_image(image: KeyImage) -> ContainerContentItem:
    """TID 2005 rows 5 to 7: one container for each image, so that the caption stands with its own."""
    caption = long_text(image.caption)
    described = [_text(KEY_OBJECT_DESCRIPTION, caption)] if caption.strip() else []
    return _container(KEY_IMAGES, [*described, _image(image)])


def _image(image: KeyImage) -> ImageContentItem:
    frame_number = image.stated_frame_number
    item = ImageContentItem(
        name=KEY_IMAGES,
        referenced_sop_class_uid=image.sop_class_uid,
        referenced_sop_instance_uid=image.sop_instance_uid,
        referenced_frame_numbers=[frame_number] if frame_number else None,
        relationship_type=RelationshipTypeValues.CONTAINS,
    )
    # TID 2005 row 7: no concept name, which the class above would have.
    del item.ConceptNameCodeSequence
    return item


def _container(name: Code, items: list[ContentItem]) -> ContainerContentItem:
    container = ContainerContentItem(name=name, relationship_type=RelationshipTypeValues.CONTAINS)
    return _filled(container, items)


def _filled(container: ContainerContentItem, items: list[ContentItem]) -> ContainerContentItem:
    # As a plain element: the class's own attribute refuses an item without a concept name.
    container.add_new("ContentSequence", "SQ", items)
    return container


def _text(name: Code | CodedConcept, text: str) -> TextContentItem:
    return TextContentItem(name=name, value=text, relationship_type=RelationshipTypeValues.CONTAINS)
