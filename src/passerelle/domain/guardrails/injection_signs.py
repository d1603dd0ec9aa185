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


def _phrase(kind: str, weight: float, triggers: str, rest: str) -> Sign:
    words = triggers.split()
    first = "|".join(sorted(map(re.escape, words), key=len, reverse=True))
    return Sign(kind, weight, frozenset(words), re.compile(rf"\b(?:{first})\b{rest}"))


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
    _phrase("override", 0.9, _DROP, rf"{_GAP}{{0,40}}?{_EARLIER}{_GAP}{{0,30}}?{_RULES}"),
    _phrase(
        "override",
        0.6,
        _DROP,
        rf"{_GAP}{{0,12}}?\b(?:all|any|every|these|those|other)\b{_GAP}{{0,12}}?\b(?:{_ORDERS})\b",
    ),
    _phrase(
        "override",
        0.9,
        "do don't stop",
        rf" (?:not )?(?:follow|following|obey|obeying) {_GAP}{{0,30}}?{_EARLIER}"
        rf"{_GAP}{{0,30}}?{_RULES}",
    ),
    _phrase(
        "override",
        0.9,
        _DROP,
        rf"{_GAP}{{0,20}}?\b(?:everything|anything|all|what(?:ever)?|{_ORDERS})\b"
        rf"{_GAP}{{0,30}}?\b(?:above|before|prior|previously|so far|earlier|told|given"
        r"|said)\b",
    ),
    _phrase(
        "override",
        0.5,
        "new updated revised real actual",
        r" (?:instructions?|directives?|rules|task)\b ?[:.\-]",
    ),
    _phrase(
        "override",
        0.45,
        "situation rules instructions language",
        r" (?:has|have) (?:now )?changed\b",
    ),
    _phrase("override", 0.45, "keep change replace update", r" your (?:\w{1,12} )?instructions\b"),
)
_EXTRACTION = (
    _phrase(
        "prompt_extraction",
        0.75,
        _TELL,
        rf"{_GAP}{{0,40}}?\b(?:your|above|previous|preceding|initial|original|system|hidden|pre-?"
        rf"|all)\W{{1,3}}(?:\w{{1,12}}\W){{0,2}}?{_OWN_RULES}",
    ),
    _phrase(
        "prompt_extraction",
        0.75,
        _TELL,
        rf"{_GAP}{{0,30}}?\b(?:instructions?|prompts?|rules|directives?|text|words|everything"
        rf"|sentences?|messages?)\b{_GAP}{{0,20}}?\b(?:above|before this|so far|you (?:were"
        r"|have been|are) (?:given|told)|up to (?:here|this point))\b",
    ),
    _phrase(
        "prompt_extraction",
        0.7,
        "what what's",
        rf"{_GAP}{{0,30}}?\b(?:your|system|exact|initial)\W(?:\w{{1,12}}\W){{0,2}}?{_OWN_RULES}",
    ),
    _phrase("prompt_extraction", 0.35, "system pre hidden", r"[ -]?prompt\b"),
)
_FALSE_ROLE = (
    _phrase("false_role", 0.35, "unfiltered uncensored amoral unrestricted unhinged", ""),
    _phrase(
        "false_role",
        0.6,
        "unfiltered uncensored amoral unrestricted jailbroken",
        r"\W{1,3}(?:\w{1,12}\W{1,2}){0,2}?(?:ai|model|chatbot|bot|assistant|responses?|version|gpt"
        r"|answers?|language model)\b",
    ),
    _phrase(
        "false_role",
        0.35,
        "no any without free not bypass bypasses lacks abide",
        rf"\b{_GAP}{{0,25}}?\b(?:restrictions?|limitations?|censorship|filters?|filtering"
        r"|guidelines?|moral(?:s|ity)?|ethic(?:s|al)?|rules|policies|boundaries|guardrails)\b",
    ),
    _phrase("false_role", 0.85, "jailbreak jailbroken jailbreaking dan", ""),
    _phrase("false_role", 0.85, "do", " anything now"),
    _phrase("false_role", 0.85, "developer god debug sudo admin root maintenance", " mode"),
    _phrase("false_role", 0.4, "you", r" (?:are|will) now\b|\byou will simulate\b"),
    _phrase("false_role", 0.4, "from", r" (?:now|this point) on"),
    _phrase(
        "false_role",
        0.4,
        "pretend roleplay role act acting stay play immerse",
        r"(?: to be| you|[ -]?play(?:ing)? as| as| in character| the (?:role|part) of| yourself)\b",
    ),
    _phrase(
        "false_role",
        0.5,
        "never not cannot can't won't don't doesn't",
        r" (?:\w{1,12} ){0,2}(?:refuses?|decline|say no|apologi[sz]e|break character|reject)\b",
    ),
    _phrase("false_role", 0.4, "no", r" matter (?:how|what|if)\b"),
    _phrase(
        "false_role",
        0.45,
        "illegal unethical immoral harmful dangerous",
        rf"{_GAP}{{0,30}}?\b(?:illegal|unethical|immoral|harmful|dangerous|offensive)\b",
    ),
    _phrase(
        "false_role",
        0.5,
        "am i'm this",
        r" (?:is )?(?:your|the|an?) (?:\w{1,12} )?(?:developer|creator|administrator|admin"
        r"|programmer|maintainer|owner)\b",
    ),
)
_FORGED = (
    _phrase(
        "forged_delimiter",
        0.65,
        "end begin start",
        r"(?: of)? (?:\w{1,12} ){0,3}?(?:input|prompt|instructions?|simulation|ambiguity)\b",
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
    ),
    _phrase(
        "forced_answer",
        0.55,
        "prefix prepend preface",
        rf" (?:\w{{1,12}} ){{0,3}}?(?:your|the|every|each|all) (?:\w{{1,12}} ){{0,2}}?{_ANSWER}"
        r" (?:by|with)\b",
    ),
    _phrase(
        "forced_answer",
        0.5,
        "your",
        r" (?:only|sole) (?:\w{1,12} )?(?:response|purpose|output|task|answer)\b",
    ),
    _phrase(
        "hidden_payload",
        0.5,
        "decode decrypt",
        rf"{_GAP}{{0,60}}?\b(?:follow|execute|do|run|answer|obey)\b",
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
    _phrase("forced_answer", 0.5, "only just exactly", _ONLY_SAY),
    _phrase("forced_answer", 0.5, "say respond reply output print", _SAY_ONLY),
    _phrase(
        "false_role",
        0.5,
        "correct right valid",
        rf" (?:password|access code|pass ?code|passphrase)\b{_GAP}{{0,25}}?\b(?:entered|given"
        r"|input|provided|accepted|registered)\b",
    ),
)
"""What a person may write."""

INDIRECT = (
    *_SHARED,
    _phrase("forced_answer", 0.3, "only exactly", _ONLY_SAY),
    _phrase("forced_answer", 0.3, "say respond reply", _SAY_ONLY),
    _phrase(
        "instruction_in_document",
        0.6,
        "in to from with within without of into throughout modify enhance",
        rf" your (?:\w{{1,12}} )?{_REPLY}\b",
    ),
    _phrase("instruction_in_document", 0.35, "your", rf" (?:\w{{1,12}} )?{_REPLY}\b"),
    _phrase(
        "instruction_in_document",
        0.6,
        "ai assistant model llm chatgpt gpt chatbot",
        r"\W{0,3}(?:please|you must|you should|do not|don't)\b",
    ),
    _phrase(
        "instruction_in_document",
        0.6,
        "attention note dear hey hi",
        r"(?: to)? (?:the |all |any )?(?:ai|assistants?|language models?|llms?|chatbots?)\b",
    ),
    _phrase(
        "instruction_in_document",
        0.5,
        "when while before if",
        r" (?:you are |you're )(?:summari[sz]ing|answering|responding|replying|asked)\b",
    ),
    _phrase(
        "exfiltration",
        0.6,
        "send forward post email upload transmit append",
        rf"{_GAP}{{0,40}}?\b(?:this|the|entire|full|user's|their|all) (?:\w{{1,12}} ){{0,2}}?"
        r"(?:conversation|chat history|passwords?|api keys?|credentials)\b",
    ),
    _phrase(
        "exfiltration", 0.35, "send forward post upload transmit", rf"{_GAP}{{0,40}}?https?://"
    ),
)
"""What a document or a tool may bring: here any word to the assistant is out of place."""
