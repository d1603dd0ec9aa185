"""Documents that broke other parsers: each gives text or a reason, none breaks the run."""

from pathlib import Path

import pytest

from passerelle.adapters.extractors.documents import DocumentExtractor
from passerelle.adapters.extractors.formats import ENDINGS
from passerelle.core.values.ids import digest_of
from passerelle.domain.knowledge.documents import Unreadable
from passerelle.domain.knowledge.splitting import Splitting, split


@pytest.mark.slow
async def test_every_document_of_the_collections_gives_text_or_a_reason(data_sets: Path) -> None:
    files = [file for file in sorted((data_sets / "documents").rglob("*")) if file.is_file()]
    assert files
    refused: dict[str, str] = {}
    async with DocumentExtractor() as extractor:
        for file in files:
            data = file.read_bytes()
            try:
                extracted = await extractor.extract(file.name, data)
            except Unreadable as error:
                refused[file.name] = error.detail
                continue
            for passage in split(file.name, digest_of(data), extracted, Splitting()):
                assert extracted.text[passage.start : passage.end] == passage.text
    ours = [name for name in refused if name.rpartition(".")[2].lower() in ENDINGS]
    assert all(refused.values())
    assert len(ours) < len(files) / 20
