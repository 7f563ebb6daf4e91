"""Which conditions are symptoms, causes or mere details. Closed lists, each with the sentence of the policy behind it."""

from __future__ import annotations

from .findings import Condition, Kind, Quality

OUTSIDE: frozenset[Kind] = frozenset({"outside_cause", "outside_problem"})

DETAILS: frozenset[Kind] = frozenset(
    {
        "leg_pain",
        "radiating_pain",
        "claudication",
        "root_compression",
        "cord_compression",
        "chronic_pain",
        "endplate_change",
    }
)
"""Never a code by themselves; they decide another code or a query."""

SYMPTOMS: frozenset[Kind] = frozenset(
    {
        "pain",
        "sciatica",
        "low_back_pain_with_sciatica",
        "radiculopathy",
        "flank_pain",
        "sacroiliac_pain",
        "coccydynia",
    }
)
"""What is coded from the complaint or history when the assessment confirms nothing (policy 1: the certain symptom); the pains
that may be chronic (policy 5).
"""

SPINAL_PAIN: frozenset[Kind] = frozenset({"pain", "low_back_pain_with_sciatica", "vertebrogenic_pain"})
"""Mentions that say where the back hurts."""

LOW_BACK_ONLY: frozenset[Kind] = frozenset({"sciatica", "low_back_pain_with_sciatica", "multifidus_dysfunction"})
"""Conditions that have only one place, said or not."""

SACRAL_ONLY: frozenset[Kind] = frozenset({"sacroiliac_pain", "coccydynia", "sacroiliitis"})

DISCS: frozenset[Kind] = frozenset(
    {"disc_displacement", "disc_degeneration", "disc_disruption", "disc_disorder", "annular_defect", "schmorl_nodes"}
)
DEGENERATIVE: frozenset[Kind] = frozenset({"spondylosis", "facet_arthropathy"})
"""Both are coded as spondylosis (policy 4)."""

INJURIES: frozenset[Kind] = frozenset({"strain", "sprain", "back_injury"})

INTEGRAL_CAUSES: frozenset[Kind] = (
    DISCS
    | DEGENERATIVE
    | INJURIES
    | frozenset(
        {
            "stenosis",
            "spondylolisthesis",
            "spondylolysis",
            "postlaminectomy_syndrome",
            "facet_syndrome",
            "sacroiliitis",
            "ankylosing_spondylitis",
            "discitis",
        }
    )
)
"""As the cause they replace the pain code of their region group (policy 1, I.B.5)."""

NOT_REPLACING: frozenset[Kind] = frozenset({"segmental_dysfunction", "muscle_spasm", "multifidus_dysfunction"})
"""Diagnoses that stand beside the pain (policy 1)."""

LIGHT: frozenset[Kind] = DEGENERATIVE | frozenset({"disc_degeneration", "schmorl_nodes"})
"""With bulges: of a recited list these count only when nothing graver of that region is recited (policy 1)."""

WITHOUT_REGION: frozenset[Kind] = frozenset(
    {"cauda_equina", "chronic_pain_syndrome", "neoplasm_pain", "postoperative_pain", "flank_pain"}
)
"""No region changes their code; none is looked for."""

NERVES: tuple[Kind, ...] = ("radiculopathy", "sciatica", "low_back_pain_with_sciatica")
"""What the provider calls the pain of a nerve."""

CHARACTER: tuple[Quality, ...] = (
    "mechanical",
    "muscular",
    "musculoskeletal",
    "myofascial",
    "strain_like",
    "facetogenic",
    "postural",
    "discogenic",
)
"""Words that make low back pain *other* instead of *unspecified*."""

EXPLAINED_AWAY: frozenset[Quality] = frozenset({"incidental", "age_related", "asymptomatic"})
GRADED_DOWN: frozenset[Quality] = EXPLAINED_AWAY | frozenset({"minor"})


def is_spinal(condition: Condition) -> bool:
    """Whether the mention is ours at all."""
    return condition.kind not in OUTSIDE


def is_of_doubted_kind(condition: Condition) -> bool:
    """A pain whose *kind* is hedged ("likely discogenic low back pain"): what is in doubt is the word, not that it hurts."""
    return (
        condition.kind == "pain"
        and condition.assertion == "uncertain"
        and bool(set(CHARACTER).intersection(condition.qualities))
    )


def is_bulge(condition: Condition) -> bool:
    """A disc displacement that is only called a bulge."""
    return condition.kind == "disc_displacement" and "bulge" in condition.qualities


def is_light(condition: Condition) -> bool:
    """A finding that gives way to a graver one of the same recital."""
    return condition.kind in LIGHT or is_bulge(condition)


def is_graded_down(condition: Condition) -> bool:
    """Mild, minimal, incidental, age-related or without symptoms, in the provider's words."""
    return bool(GRADED_DOWN.intersection(condition.qualities))


def is_mild_narrowing(condition: Condition) -> bool:
    """Whether this is only mild or minimal narrowing, not called stenosis: not coded (policy 4)."""
    return condition.kind == "stenosis" and {"minor", "narrowing"} <= set(condition.qualities)
