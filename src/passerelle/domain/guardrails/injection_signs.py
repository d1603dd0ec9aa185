"""Phrases and marks of injected instructions. They are ours: written, not copied from any set."""

import re
import string
from dataclasses import dataclass

PUNCTUATION = str.maketrans({mark: " " for mark in string.punctuation if mark != "'"})
"""Makes words of a folded text easy to split."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One way in which injected instructions show."""

    kind: str
    """The family, part of the record."""
    weight: float
    """How sure it makes us on its own, 0 to 1; set by hand on examples of our own and on the
    tuning half of public sets (see measurements).
    """
    triggers: frozenset[str]
    """Words of which one must occur before the pattern is tried; empty for marks."""
    pattern: re.Pattern[str]
    """Over the folded text. Gaps are bounded, so the cost is linear."""


_DROP = (
    r"(?:ignor(?:e|ing)|disregard(?:ing)?|forget|overrid(?:e|ing)|bypass|dismiss|neglect|discard"
    r"|abandon|drop|erase|do not follow|don't follow|stop following|pay no attention to)"
)
_DROPS = "ignore ignoring disregard disregarding forget override overriding bypass dismiss neglect"
_EARLIER = (
    r"(?:previous(?:ly)?|prior|preceding|above|earlier|foregoing|before|your|you(?:'ve| have| were)"
    r"|all|any|every|these|those|initial|original|past|existing|current|system|developer|so far)"
)
_RULES = (
    r"(?:instructions?|directions?|directives?|prompts?|rules?|guidelines?|commands?|orders?"
    r"|constraints?|restrictions?|polic(?:y|ies)|programming|training|context|guardrails?|safety"
    r"|filters?|inputs?|messages?|conversations?|tasks?|text|requests?)"
)
_OWN_RULES = (
    r"(?:(?:system |pre-?|initial |hidden |secret |original |full |entire |exact )*"
    r"(?:prompts?|preprompt|instructions?|directives?|guidelines|rules|configuration"
    r"|programming|system message))"
)
_TELL = (
    r"(?:repeat|print|reveal|show|output|display|tell|give|list|return|translate|summari[sz]e"
    r"|write|recite|explain|share|disclose|convert|encode|dump|leak|spell|say|copy|paste|provide"
    r"|type|state|describe|rewrite|echo)"
)
_TELLS = (
    "repeat print reveal show output display tell give list return translate summarize summarise"
    " write recite explain share disclose convert encode dump leak spell say copy paste provide"
    " type state describe rewrite echo"
)
_ANSWER = r"(?:repl(?:y|ies)|responses?|answers?|outputs?|messages?|summar(?:y|ies)|completions?)"


def _sign(kind: str, weight: float, triggers: str, pattern: str) -> Sign:
    return Sign(kind, weight, frozenset(triggers.split()), re.compile(pattern))


_SHARED = (
    _sign(
        "override",
        0.9,
        _DROPS + " discard abandon drop erase follow following attention",
        rf"\b{_DROP}\b[^.!?\n]{{0,40}}?\b{_EARLIER}\b[^.!?\n]{{0,30}}?\b{_RULES}\b",
    ),
    _sign(
        "override",
        0.9,
        _DROPS + " discard erase follow following",
        rf"\b{_DROP}\b[^.!?\n]{{0,20}}?\b(?:everything|anything|all|what(?:ever)?|instructions?"
        r"|directions?|prompts?)\b[^.!?\n]{0,30}?\b(?:above|before|prior|previously|so far|earlier"
        r"|told|given|said)\b",
    ),
    _sign(
        "override",
        0.5,
        "new updated instructions",
        r"\b(?:new|updated|revised|real|actual) (?:instructions?|directives?|rules|task)\b ?[:.\-]",
    ),
    _sign(
        "prompt_extraction",
        0.75,
        _TELLS,
        rf"\b{_TELL}\b[^.!?\n]{{0,40}}?\b(?:your|the above|above|previous|preceding|initial"
        rf"|original|system|hidden|pre-?|all)\W{{1,3}}(?:\w{{1,12}}\W){{0,2}}?{_OWN_RULES}\b",
    ),
    _sign(
        "prompt_extraction",
        0.75,
        _TELLS,
        rf"\b{_TELL}\b[^.!?\n]{{0,30}}?\b(?:instructions?|prompts?|rules|directives?|text|words"
        r"|everything|sentences?|messages?)\b[^.!?\n]{0,20}?\b(?:above|before this|so far"
        r"|you (?:were|have been|are) (?:given|told)|up to (?:here|this point))\b",
    ),
    _sign(
        "prompt_extraction",
        0.7,
        "what what's which",
        rf"\bwhat(?:'s| is| are| were)\b[^.!?\n]{{0,25}}?\b(?:your|the system|system|exact|initial)"
        rf"\W(?:\w{{1,12}}\W){{0,2}}?{_OWN_RULES}\b",
    ),
    _sign("prompt_extraction", 0.35, "prompt preprompt", r"\b(?:system|pre|hidden)[ -]?prompt\b"),
    _sign(
        "false_role",
        0.75,
        "unfiltered uncensored amoral unrestricted unhinged jailbroken",
        r"\b(?:unfiltered|uncensored|amoral|unrestricted|unhinged|jailbroken)\b",
    ),
    _sign(
        "false_role",
        0.65,
        "no any without free not bound ignores lacks all abide doesn't",
        r"\b(?:no|any|without|free (?:of|from)|not bound by|bypass(?:es)?|lacks|abide(?:s)?)\b"
        r"[^.!?\n]{0,25}?\b(?:restrictions?|limitations?|censorship|filters?|filtering|guidelines?"
        r"|moral(?:s|ity)?|ethic(?:s|al)?|rules|policies|boundaries|guardrails)\b",
    ),
    _sign(
        "false_role",
        0.85,
        "anything jailbreak jailbroken developer dan god sudo dude",
        r"\bdo anything now\b|\bjailbreak(?:ed|ing)?\b|\b(?:developer|god|debug|sudo|admin|dan|root"
        r"|maintenance) mode\b|\bas (?:a )?dan\b",
    ),
    _sign(
        "false_role",
        0.4,
        "now act pretend roleplay simulate character persona play",
        r"\byou (?:are|will) now\b|\bfrom (?:now|this point) on\w{0,6}\b|\bpretend (?:to be|you)\b"
        r"|\brole-?play(?:ing)? as\b|\bstay in character\b|\bact(?:ing)? as\b|\byou will simulate\b"
        r"|\bplay the (?:role|part) of\b|\bimmerse yourself\b",
    ),
    _sign(
        "false_role",
        0.5,
        "refuse refuses never always cannot can't",
        r"\b(?:never|not|cannot|can't|won't|don't) (?:\w{1,12} ){0,2}(?:refuses?|decline|say no"
        r"|apologi[sz]e|break character|reject)\b|\bno matter (?:how|what|if)\b",
    ),
    _sign(
        "false_role",
        0.45,
        "illegal unethical immoral",
        r"\b(?:illegal|unethical|immoral|harmful|dangerous)\b[^.!?\n]{0,30}?"
        r"\b(?:illegal|unethical|immoral|harmful|dangerous|offensive)\b",
    ),
    _sign(
        "false_role",
        0.5,
        "developer creator administrator admin openai anthropic engineer",
        r"\b(?:i am|i'm|this is|as) (?:your|the|an?) (?:\w{1,12} ){0,1}(?:developer|creator"
        r"|administrator|admin|programmer|maintainer|owner)\b",
    ),
    _sign(
        "forged_delimiter",
        0.9,
        "",
        r"<\|(?:endoftext|im_start|im_end|system|user|assistant|eot_id|end_header_id)\|>"
        r"|\[/?inst\]|<</?sys>>|</?(?:system|instructions?|user_input|prompt|context)>",
    ),
    _sign(
        "forged_delimiter",
        0.65,
        "end begin start",
        r"\b(?:end|begin|start)(?: of)? (?:\w{1,12} ){0,2}?(?:untrusted |user |system |attacker )"
        r"?(?:input|prompt|instructions?|simulation|ambiguity|message|context|draft)\b",
    ),
    _sign(
        "forged_delimiter",
        0.5,
        "system assistant",
        r"(?:^|\n)\W{0,6}(?:system|assistant|developer)\W{0,3}(?: message| prompt| note)?\s?[:>\]]",
    ),
    _sign(
        "forced_answer",
        0.55,
        "prefix prepend preface begin start starting end",
        rf"\b(?:prefix|prepend|preface|begin|start|end)\b (?:\w{{1,12}} ){{0,3}}?(?:your|the|every"
        rf"|each|all) (?:\w{{1,12}} ){{0,2}}?{_ANSWER} (?:by|with)\b",
    ),
    _sign(
        "forced_answer",
        0.5,
        "only nothing sole exactly just",
        r"\b(?:only|just|exactly) (?:say|respond|reply|output|print|answer|return)\b"
        r"|\b(?:say|respond|reply|output|print)\b[^.!?\n]{0,12}? (?:only|just|exactly)\b"
        r"|\b(?:and|then|say|output) nothing else\b|\byour (?:only|sole) (?:\w{1,12} )?"
        r"(?:response|purpose|output|task|answer)\b",
    ),
    _sign(
        "hidden_payload",
        0.5,
        "decode decrypt base64 rot13 b64",
        r"\b(?:decode|decrypt)\b[^.!?\n]{0,60}?\b(?:follow|execute|do|run|answer|obey)\b",
    ),
    _sign(
        "override",
        0.45,
        "situation changed instructions rules upgrade",
        r"\b(?:situation|rules|instructions|language) (?:has|have) (?:now )?changed\b"
        r"|\b(?:keep|change|replace|update) your (?:\w{1,12} )?instructions\b",
    ),
)
DIRECT = (
    *_SHARED,
    _sign(
        "false_role",
        0.5,
        "password code passphrase",
        r"\b(?:correct|right|valid) (?:password|access code|pass ?code|passphrase)\b"
        r"[^.!?\n]{0,25}?\b(?:entered|given|input|provided|accepted|registered)\b",
    ),
)
INDIRECT = (
    *_SHARED,
    _sign(
        "instruction_in_document",
        0.6,
        "reply replies response responses answer answers output message summary",
        rf"\b(?:in|to|from|with(?:in|out)?|of|into|throughout) (?:your|the) {_ANSWER}\b"
        rf"|\byour (?:\w{{1,12}} )?{_ANSWER}\b",
    ),
    _sign(
        "instruction_in_document",
        0.6,
        "ai assistant llm chatgpt gpt model chatbot",
        r"\b(?:ai|assistant|language model|llm|chatgpt|gpt|chatbot)\b\W{0,3}(?:please|you must"
        r"|should|must|do not|don't|when|if)\b"
        r"|\b(?:attention|note to|dear|hey|hi) (?:the |all |any )?"
        r"(?:ai|assistants?|language models?|llms?|chatbots?)\b",
    ),
    _sign(
        "instruction_in_document",
        0.6,
        "summarizing summarising answering responding asked",
        r"\b(?:when|while|before|if) (?:you are |you're )?(?:summari[sz]ing|answering|responding"
        r"|replying|asked)\b",
    ),
    _sign(
        "exfiltration",
        0.6,
        "send forward post email upload transmit http https",
        r"\b(?:send|forward|post|e-?mail|upload|transmit|append)\b[^.!?\n]{0,60}?"
        r"(?:\bto https?:|https?://|\bconversation\b|\bchat history\b|\bpasswords?\b|\bapi keys?\b)"
        r"|!\[[^\]\n]{0,80}\]\(https?://[^)\s]{1,200}\?[^)\s]{1,200}=",
    ),
)
