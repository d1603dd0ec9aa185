"""Public answers and claims that people have judged against their sources, in one form."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from measurements.datasets import rows

SOURCES = (
    "timchen0618/LFQA-Verification 4e905be93fbe",
    "ryokamoi/wice ddeb6c183665",
    "IBM/mt-rag-benchmark cc5b1d481b39",
    "Liyan06/AggreFact f0654b245232 (CLIFF)",
    "maszhongming/UniEval d33e7b6cfebe (QAGS, CNN/DailyMail)",
    "vectara/FaithBench cf89797d8281",
    "yuxiaw/Factcheck-GPT a9e6a04a953a (claim and evidence)",
    "patronus-ai/financebench cc39aeb4afdf (recorded answers, gold pages)",
)
FAITHFUL_FROM = 3.0
"""Mean of three ratings from 1 to 4 of MTRAG from which on an answer counts as supported."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer or a single claim, what it was drawn from, and what people said."""

    name: str
    """Of the set."""
    group: str
    """Rows of one group depend on one another: same question, document or claim."""
    passages: tuple[str, ...]
    answer: str
    supported: bool
    part: str = ""
    """Such as the system that wrote it."""
    half: str = ""
    """What decides between tuning and reporting half; the group where empty."""
    others: tuple[tuple[str, float], ...] = ()
    """Recorded scores of other detectors, higher is better supported."""


def judged(data: Path) -> list[Judged]:
    readers = (_lfqa, _wice, _mtrag, _cliff, _qags, _faithbench, _stance, _financebench)
    return [row for read in readers for row in read(data)]


def _lfqa(data: Path) -> Iterator[Judged]:
    for row in rows(data, "hallucination/lfqa_attribution.jsonl.gz"):
        passages = tuple(document["text"] for document in row["docs"])
        for sentence in row["sentences"]:
            supported = sentence["majority"] == "supported"
            group = str(row["question_id"])
            yield Judged(
                "LFQA sentences", group, passages, sentence["text"], supported, row["system"]
            )


def _wice(data: Path) -> Iterator[Judged]:
    for row in rows(data, "hallucination/wice_claims.jsonl.gz"):
        passages = ("\n".join(row["evidence"]),)
        supported = row["label"] == "supported"
        yield Judged("WiCE claims", row["meta"]["claim_title"], passages, row["claim"], supported)


def _mtrag(data: Path) -> Iterator[Judged]:
    for row in rows(data, "hallucination/mtrag_human_eval.jsonl.gz"):
        if row["contexts"]:
            supported = fmean(row["faithfulness"]) >= FAITHFUL_FROM
            yield Judged(
                "MTRAG answers",
                row["task_id"],
                tuple(row["contexts"]),
                row["response"],
                supported,
                row["model"],
                half=row["task_id"].split("<")[0],  # the conversation
            )


def _cliff(data: Path) -> Iterator[Judged]:
    for row in rows(data, "hallucination/cliff_summaries.jsonl"):
        supported = row["error_type"] in ("correct", ["correct"])
        name = f"CLIFF {row['origin']}"
        yield Judged(name, row["id"], (row["doc"],), row["summ"], supported, row["model_name"])


def _qags(data: Path) -> Iterator[Judged]:
    for row in rows(data, "hallucination/qags_cnndm.jsonl.gz"):
        supported = row["scores"]["consistency"] >= 1
        yield Judged(
            "QAGS cnndm", str(row["doc_id"]), (row["source"],), row["system_output"], supported
        )


def _faithbench(data: Path) -> Iterator[Judged]:
    for row in rows(data, "hallucination/faithbench_spans.jsonl.gz"):
        labels = {each["label"][0] for each in row["annotations"] if each["label"]}
        if "Unwanted" not in labels and "Questionable" in labels:
            continue  # people could not agree with themselves
        others = tuple((name, float(row["metadata"][name])) for name in _recorded(row))
        yield Judged(
            "FaithBench",
            row["source"][:200],
            (row["source"],),
            row["summary"],
            "Unwanted" not in labels,
            half=str(row["metadata"]["raw_sample_id"]),
            others=others,
        )


def _recorded(row: dict[str, Any]) -> list[str]:
    known = ("hhem-2.1", "trueteacher", "true_nli", "gpt-4-turbo", "gpt_4o")
    return [name for name in known if isinstance(row["metadata"].get(name), int | float)]


def _stance(data: Path) -> Iterator[Judged]:
    for row in rows(data, "hallucination/claim_evidence_stance.jsonl"):
        supported = row["stance"] == "completely-support"
        yield Judged("Factcheck-GPT", row["claim"], (row["evidence"],), row["claim"], supported)


def _financebench(data: Path) -> Iterator[Judged]:
    questions = rows(data, "rag/financebench_questions_all.jsonl")
    pages = {
        row["financebench_id"]: tuple(each["evidence_text_full_page"] for each in row["evidence"])
        for row in questions
    }
    for row in rows(data, "hallucination/financebench_answers.jsonl.gz"):
        if row["label"] != "Refusal":
            name = row["financebench_id"]
            supported = row["label"] == "Correct Answer"
            yield Judged(
                "FinanceBench", name, pages[name], row["model_answer"], supported, row["eval_mode"]
            )
