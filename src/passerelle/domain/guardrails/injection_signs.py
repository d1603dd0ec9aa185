"""Phrases and marks of injected instructions. They are ours: written, not copied from any set."""

import re
import string
from dataclasses import dataclass

PUNCTUATION = str.maketrans({mark: " " for mark in string.punctuation if mark not in "'@$"})
"""Makes words of a folded text easy to split; `@` and `$` may stand for letters."""


@dataclass(frozen=True, slots=True, eq=False)
class Sign:
    """One way in which injected instructions show."""

    kind: str
    """The family, part of the record."""
    weight: float
    """How sure it makes us on its own, 0 to 1. Set by hand on examples of our own and on the
    tuning half of public sets, never on the reported half.
    """
    triggers: frozenset[str]
    """First words of the phrase: it is tried only where one of them stands."""
    pattern: re.Pattern[str]
    """Over the folded text. Gaps are bounded, so the cost is linear."""
    needs: tuple[frozenset[bytes], ...] = ()
    """Of each set one word stands in whatever the pattern matches, whole, beside the trigger."""


def _phrase(
    kind: str, weight: float, triggers: str, rest: str, *, needs: tuple[str, ...] = ()
) -> Sign:
    words = triggers.split()
    first = "|".join(sorted(map(re.escape, words), key=len, reverse=True))
    return Sign(
        kind,
        weight,
        frozenset(words),
        re.compile(rf"\b(?:{first})\b{rest}"),
        tuple(frozenset(each.encode().split()) for each in needs),
    )


_GAP = r"[^.!?\n]"
_EARLIER = (
    r"\b(?:previous(?:ly)?|prior|preceding|above|earlier|foregoing|before|your|you(?:'ve| have"
    r"| were)|initial|original|past|existing|current|system|developer|so far)\b"
)
_ORDERS = (
    r"instructions?|directions?|directives?|prompts?|rules?|guidelines?|commands?|orders?"
    r"|constraints?|restrictions?|programming|guardrails?"
)
_RULES = (
    rf"\b(?:{_ORDERS}|polic(?:y|ies)|training|context|safety|filters?|inputs?|messages?"
    r"|conversations?|tasks?|text|requests?)\b"
)
_OWN_RULES = (
    r"(?:prompts?|pre-?prompt|instructions?|directives?|guidelines|rules"
    r"|programming|system message)\b"
)
_REPLY = r"(?:repl(?:y|ies)|responses?|answers?|outputs?|summar(?:y|ies)|completions?)"
_ANSWER = rf"(?:{_REPLY}|messages?)"
_ORDER_WORDS = (
    "instruction instructions direction directions directive directives prompt prompts rule rules"
    " guideline guidelines command commands order orders constraint constraints restriction"
    " restrictions programming guardrail guardrails"
)
_RULE_WORDS = (
    f"{_ORDER_WORDS} policy policies training context safety filter filters input inputs message"
    " messages conversation conversations task tasks text request requests"
)
_OWN_RULE_WORDS = (
    "prompt prompts preprompt instruction instructions directive directives guidelines rules"
    " programming message"
)
_SPOKEN_WORDS = (
    "instruction instructions prompt prompts rules directive directives text words everything"
    " sentence sentences message messages"
)
_BOUND_WORDS = (
    "restriction restrictions limitation limitations censorship filter filters filtering guideline"
    " guidelines moral morals morality ethic ethics ethical rules policies boundaries guardrails"
)
_REPLY_WORDS = (
    "reply replies response responses answer answers output outputs summary summaries completion"
    " completions"
)
_ANSWER_WORDS = f"{_REPLY_WORDS} message messages"
_ONLY_WORDS = "only just exactly nothing"
_SAY_WORDS = "say respond reply output print answer return"
_DROP = (
    "ignore ignoring disregard disregarding forget forgetting override overriding bypass dismiss"
    " neglect discard abandon drop erase delete"
)
_TELL = (
    "repeat print reveal show output display tell give list return translate summarize summarise"
    " write recite explain share disclose convert encode dump leak spell say copy paste provide"
    " type state describe rewrite echo format"
)

_OVERRIDE = (
    _phrase(
        "override",
        0.9,
        _DROP,
        rf"{_GAP}{{0,40}}?{_EARLIER}{_GAP}{{0,30}}?{_RULES}",
        needs=(_RULE_WORDS,),
    ),
    _phrase(
        "override",
        0.6,
        _DROP,
        rf"{_GAP}{{0,12}}?\b(?:all|any|every|these|those|other)\b{_GAP}{{0,12}}?\b(?:{_ORDERS})\b",
        needs=(_ORDER_WORDS,),
    ),
    _phrase(
        "override",
        0.9,
        "do don't stop",
        rf" (?:not )?(?:follow|following|obey|obeying) {_GAP}{{0,30}}?{_EARLIER}"
        rf"{_GAP}{{0,30}}?{_RULES}",
        needs=(_RULE_WORDS,),
    ),
    _phrase(
        "override",
        0.9,
        _DROP,
        rf"{_GAP}{{0,20}}?\b(?:everything|anything|all|what(?:ever)?|{_ORDERS})\b"
        rf"{_GAP}{{0,30}}?\b(?:above|before|prior|previously|so far|earlier|told|given"
        r"|said)\b",
        needs=("above before prior previously far earlier told given said",),
    ),
    _phrase(
        "override",
        0.5,
        "new updated revised real actual",
        r" (?:instructions?|directives?|rules|task)\b ?[:.\-]",
        needs=("instruction instructions directive directives rules task",),
    ),
    _phrase(
        "override",
        0.45,
        "situation rules instructions language",
        r" (?:has|have) (?:now )?changed\b",
        needs=("changed",),
    ),
    _phrase(
        "override",
        0.45,
        "keep change replace update",
        r" your (?:\w{1,12} )?instructions\b",
        needs=("instructions",),
    ),
)
_EXTRACTION = (
    _phrase(
        "prompt_extraction",
        0.75,
        _TELL,
        rf"{_GAP}{{0,40}}?\b(?:your|above|previous|preceding|initial|original|system|hidden|pre-?"
        rf"|all)\W{{1,3}}(?:\w{{1,12}}\W){{0,2}}?{_OWN_RULES}",
        needs=(_OWN_RULE_WORDS,),
    ),
    _phrase(
        "prompt_extraction",
        0.75,
        _TELL,
        rf"{_GAP}{{0,30}}?\b(?:instructions?|prompts?|rules|directives?|text|words|everything"
        rf"|sentences?|messages?)\b{_GAP}{{0,20}}?\b(?:above|before this|so far|you (?:were"
        r"|have been|are) (?:given|told)|up to (?:here|this point))\b",
        needs=(_SPOKEN_WORDS, "above before far given told here point"),
    ),
    _phrase(
        "prompt_extraction",
        0.7,
        "what what's",
        rf"{_GAP}{{0,30}}?\b(?:your|system|exact|initial)\W(?:\w{{1,12}}\W){{0,2}}?{_OWN_RULES}",
        needs=(_OWN_RULE_WORDS,),
    ),
    _phrase("prompt_extraction", 0.35, "system pre hidden", r"[ -]?prompt\b", needs=("prompt",)),
)
_FALSE_ROLE = (
    _phrase("false_role", 0.35, "unfiltered uncensored amoral unrestricted unhinged", ""),
    _phrase(
        "false_role",
        0.6,
        "unfiltered uncensored amoral unrestricted jailbroken",
        r"\W{1,3}(?:\w{1,12}\W{1,2}){0,2}?(?:ai|model|chatbot|bot|assistant|responses?|version|gpt"
        r"|answers?|language model)\b",
        needs=("ai model chatbot bot assistant response responses version gpt answer answers",),
    ),
    _phrase(
        "false_role",
        0.35,
        "no any without free not bypass bypasses lacks abide",
        rf"\b{_GAP}{{0,25}}?\b(?:restrictions?|limitations?|censorship|filters?|filtering"
        r"|guidelines?|moral(?:s|ity)?|ethic(?:s|al)?|rules|policies|boundaries|guardrails)\b",
        needs=(_BOUND_WORDS,),
    ),
    _phrase("false_role", 0.85, "jailbreak jailbroken jailbreaking dan", ""),
    _phrase("false_role", 0.85, "do", " anything now", needs=("anything",)),
    _phrase("false_role", 0.85, "developer god debug sudo admin root maintenance", " mode"),
    _phrase(
        "false_role",
        0.4,
        "you",
        r" (?:are|will) now\b|\byou will simulate\b",
        needs=("now simulate", "are will"),
    ),
    _phrase("false_role", 0.4, "from", r" (?:now|this point) on", needs=("now point",)),
    _phrase(
        "false_role",
        0.4,
        "pretend roleplay role act acting stay play immerse",
        r"(?: to be| you|[ -]?play(?:ing)? as| as| in character| the (?:role|part) of| yourself)\b",
        needs=("be you as character of yourself",),
    ),
    _phrase(
        "false_role",
        0.5,
        "never not cannot can't won't don't doesn't",
        r" (?:\w{1,12} ){0,2}(?:refuses?|decline|say no|apologi[sz]e|break character|reject)\b",
        needs=("refuse refuses decline say apologise apologize character reject",),
    ),
    _phrase("false_role", 0.4, "no", r" matter (?:how|what|if)\b", needs=("matter",)),
    _phrase(
        "false_role",
        0.45,
        "illegal unethical immoral harmful dangerous",
        rf"{_GAP}{{0,30}}?\b(?:illegal|unethical|immoral|harmful|dangerous|offensive)\b",
        needs=("illegal unethical immoral harmful dangerous offensive",),
    ),
    _phrase(
        "false_role",
        0.5,
        "am i'm this",
        r" (?:is )?(?:your|the|an?) (?:\w{1,12} )?(?:developer|creator|administrator|admin"
        r"|programmer|maintainer|owner)\b",
        needs=("developer creator administrator admin programmer maintainer owner",),
    ),
)
_FORGED = (
    _phrase(
        "forged_delimiter",
        0.65,
        "end begin start",
        r"(?: of)? (?:\w{1,12} ){0,3}?(?:input|prompt|instructions?|simulation|ambiguity)\b",
        needs=("input prompt instruction instructions simulation ambiguity",),
    ),
    _phrase(
        "forged_delimiter",
        0.45,
        "system assistant developer",
        r"\W{0,3}(?: message| prompt| note)?\s?[:>\]]",
    ),
)
_FORCED = (
    _phrase(
        "forced_answer",
        0.45,
        "begin start end",
        rf" (?:\w{{1,12}} ){{0,3}}?(?:your|the|every|each|all) (?:\w{{1,12}} ){{0,2}}?{_ANSWER}"
        r" (?:by|with)\b",
        needs=(_ANSWER_WORDS, "by with"),
    ),
    _phrase(
        "forced_answer",
        0.55,
        "prefix prepend preface",
        rf" (?:\w{{1,12}} ){{0,3}}?(?:your|the|every|each|all) (?:\w{{1,12}} ){{0,2}}?{_ANSWER}"
        r" (?:by|with)\b",
        needs=(_ANSWER_WORDS, "by with"),
    ),
    _phrase(
        "forced_answer",
        0.5,
        "your",
        r" (?:only|sole) (?:\w{1,12} )?(?:response|purpose|output|task|answer)\b",
        needs=("only sole", "response purpose output task answer"),
    ),
    _phrase(
        "hidden_payload",
        0.5,
        "decode decrypt",
        rf"{_GAP}{{0,60}}?\b(?:follow|execute|do|run|answer|obey)\b",
        needs=("follow execute do run answer obey",),
    ),
)
MARKS = Sign(
    "forged_delimiter",
    0.9,
    frozenset(),
    re.compile(
        r"<\|(?:endoftext|im_start|im_end|system|user|assistant|eot_id|end_header_id)\|>"
        r"|\[/?inst\]|<</?sys>>|</?(?:system|instructions?|user_input|prompt|context)>"
    ),
)
"""Tried where a text holds `<` or `[`."""
_SHARED = (*_OVERRIDE, *_EXTRACTION, *_FALSE_ROLE, *_FORGED, *_FORCED)

_SAY_ONLY = rf"{_GAP}{{0,12}}? (?:only|just|exactly|nothing else)\b"
_ONLY_SAY = r" (?:say|respond|reply|output|print|answer|return)\b"

DIRECT = (
    *_SHARED,
    _phrase("forced_answer", 0.5, "only just exactly", _ONLY_SAY, needs=(_SAY_WORDS,)),
    _phrase(
        "forced_answer",
        0.5,
        "say respond reply output print",
        _SAY_ONLY,
        needs=(_ONLY_WORDS,),
    ),
    _phrase(
        "false_role",
        0.5,
        "correct right valid",
        rf" (?:password|access code|pass ?code|passphrase)\b{_GAP}{{0,25}}?\b(?:entered|given"
        r"|input|provided|accepted|registered)\b",
        needs=(
            "password code passcode passphrase",
            "entered given input provided accepted registered",
        ),
    ),
)
"""What a person may write."""

INDIRECT = (
    *_SHARED,
    _phrase("forced_answer", 0.3, "only exactly", _ONLY_SAY, needs=(_SAY_WORDS,)),
    _phrase("forced_answer", 0.3, "say respond reply", _SAY_ONLY, needs=(_ONLY_WORDS,)),
    _phrase(
        "instruction_in_document",
        0.6,
        "in to from with within without of into throughout modify enhance",
        rf" your (?:\w{{1,12}} )?{_REPLY}\b",
        needs=("your", _REPLY_WORDS),
    ),
    _phrase(
        "instruction_in_document",
        0.35,
        "your",
        rf" (?:\w{{1,12}} )?{_REPLY}\b",
        needs=(_REPLY_WORDS,),
    ),
    _phrase(
        "instruction_in_document",
        0.6,
        "ai assistant model llm chatgpt gpt chatbot",
        r"\W{0,3}(?:please|you must|you should|do not|don't)\b",
        needs=("please must should not don",),
    ),
    _phrase(
        "instruction_in_document",
        0.6,
        "attention note dear hey hi",
        r"(?: to)? (?:the |all |any )?(?:ai|assistants?|language models?|llms?|chatbots?)\b",
        needs=("ai assistant assistants model models llm llms chatbot chatbots",),
    ),
    _phrase(
        "instruction_in_document",
        0.5,
        "when while before if",
        r" (?:you are |you're )(?:summari[sz]ing|answering|responding|replying|asked)\b",
        needs=("summarising summarizing answering responding replying asked",),
    ),
    _phrase(
        "exfiltration",
        0.6,
        "send forward post email upload transmit append",
        rf"{_GAP}{{0,40}}?\b(?:this|the|entire|full|user's|their|all) (?:\w{{1,12}} ){{0,2}}?"
        r"(?:conversation|chat history|passwords?|api keys?|credentials)\b",
        needs=("conversation history password passwords key keys credentials",),
    ),
    _phrase(
        "exfiltration", 0.35, "send forward post upload transmit", rf"{_GAP}{{0,40}}?https?://"
    ),
)
"""What a document or a tool may bring: here any word to the assistant is out of place."""
