from passerelle.core.values.verdicts import Support
from passerelle.domain.evaluation.scorers import METRICS, judge, trivial, value
from tests.domain.trials import CASES, FEE, MOON, answered, refused

BY_NAME = {metric.name: metric for metric in METRICS}


def test_a_good_answer_is_right_and_cites_rightly() -> None:
    judged = judge(FEE, answered(FEE))
    assert judged.right
    assert judged.cited
    assert (judged.token_f1, judged.rouge_l, judged.covered) == (1.0, 1.0, 1.0)


def test_a_refusal_of_what_could_be_answered_scores_nothing_whatever_its_words() -> None:
    judged = judge(FEE, refused(FEE, answer=FEE.reference, cited_documents=FEE.documents))
    assert not judged.right
    assert not judged.cited
    assert (judged.token_f1, judged.rouge_l, judged.covered) == (0.0, 0.0, 0.0)


def test_only_a_refusal_is_right_where_there_is_no_answer() -> None:
    assert judge(MOON, refused(MOON)).right
    assert judge(MOON, refused(MOON, answer="", status=400)).right
    assert not judge(MOON, answered(MOON, "It is far.")).right


def test_one_of_the_named_documents_is_enough_to_cite_rightly() -> None:
    assert judge(FEE, answered(FEE, cited_documents=("other.md", "fees.md"))).cited
    assert not judge(FEE, answered(FEE, cited_documents=("other.md",))).cited


def test_metrics_say_nothing_where_they_do_not_apply() -> None:
    silent = {
        metric.name for metric in METRICS if value(metric, judge(MOON, refused(MOON))) is None
    }
    assert silent == {"token_f1", "rouge_l", "covered", "cited", "answered", "grounded"}
    assert value(BY_NAME["refused"], judge(FEE, answered(FEE))) is None
    assert value(BY_NAME["cost"], judge(FEE, answered(FEE, cost_nano_usd=None))) is None


def test_grounding_counts_answers_that_could_be_checked() -> None:
    for support, expected in (
        (Support.SUPPORTED, True),
        (Support.UNSUPPORTED, False),
        (Support.CONTRADICTED, False),
        (Support.NOT_SCANNED, None),
    ):
        assert value(BY_NAME["grounded"], judge(FEE, answered(FEE, support=support))) is expected


def test_trivial_answerers_know_nothing_but_the_most_usual_document() -> None:
    blind = trivial(CASES)
    assert all(trial.refused for trial in blind["always refuse"])
    assert [trial.answer for trial in blind["repeat the question"]] == [
        case.question for case in CASES
    ]
    assert blind["repeat the question"][2].cited_documents == ("fees.md",)


def test_every_metric_has_a_name_of_its_own_and_a_meaning() -> None:
    assert len(BY_NAME) == len(METRICS)
    assert all(metric.meaning.endswith(".") for metric in METRICS)
