//! Verdicts: by statistics, with the numbers in the evidence.

use std::collections::BTreeMap;

use ffrun_reports::{
    rows::{Anchor, CurvePoint, Observation, Results},
    sheet::{Claim, Verdict},
};
use serde_json::json;

use super::contract::{HEAD, TRIAL, nothing_measured, options, read};

/// The claims of a script whose trials scored `score(elements, person, seed)`.
fn judged(claims: &str, score: impl Fn(u64, u64, u64) -> f64, missing: usize) -> Vec<Claim> {
    let text =
        format!("{HEAD}fn run(trial) {{\n {TRIAL}\n}}\nfn claims(results) {{\n{claims}\n}}\n");
    let experiment = read(&text, &options());
    let mut results = nothing_measured(&experiment);
    results.planned = 4;
    results.finished = 4 - missing;
    measure(&mut results, score);
    experiment.claims(&results).expect("claims")
}

fn measure(results: &mut Results, score: impl Fn(u64, u64, u64) -> f64) {
    for elements in [64, 128] {
        let settings = BTreeMap::from([("elements".to_owned(), json!(elements))]);
        for seed in 0..2 {
            for person in 0..24 {
                results.observations.push(Observation {
                    settings: settings.clone(),
                    seed,
                    metric: "retrieval_top1".to_owned(),
                    identity: Some(format!("p{person:02}")),
                    value: score(elements, person, seed),
                });
            }
            for (step, value) in [(1, 3.0), (2, 1.0 + seed as f64 / 10.0)] {
                results.curves.push(CurvePoint {
                    settings: settings.clone(),
                    seed,
                    curve: "loss".to_owned(),
                    step,
                    value,
                });
            }
        }
    }
    let metric = "retrieval_top1".to_owned();
    results.anchors.push(Anchor { label: "chance".to_owned(), metric, value: 0.1 });
}

/// People differ a lot, trials of one person little: 128 is better by `gain`.
fn better_by(gain: f64) -> impl Fn(u64, u64, u64) -> f64 {
    move |elements, person, seed| {
        let person_level = 0.4 + 0.02 * ((person * 7) % 24) as f64;
        let noise = 0.004 * (((person * 13 + seed * 5 + elements) % 11) as f64 - 5.0);
        person_level + noise + if elements == 128 { gain } else { 0.0 }
    }
}

fn verdicts(claims: &[Claim]) -> Vec<Verdict> {
    claims.iter().map(|claim| claim.verdict).collect()
}

const WINS: &str = "claim(\"64\", results.wins(\"retrieval_top1\", #{ elements: 64 }));\n\
     claim(\"128\", results.wins(\"retrieval_top1\", #{ elements: 128 }));";

#[test]
fn a_claim_says_nothing_where_its_condition_is_not_shown() {
    let text =
        "let better = results.exceeds(\"retrieval_top1\", #{ elements: 128 }, #{ elements: 64 });
        let close = results.within(\"retrieval_top1\", #{ elements: 128 }, #{ elements: 64 }, 0.2);
        claim(\"close\", close.provided(better));";
    let shown = judged(text, better_by(0.05), 0);
    assert_eq!(shown[0].verdict, Verdict::Reproduced, "{}", shown[0].evidence);
    let vacuous = judged(text, better_by(0.0), 0);
    assert_eq!(vacuous[0].verdict, Verdict::Inconclusive);
    assert!(vacuous[0].evidence.starts_with("says nothing, since"), "{}", vacuous[0].evidence);
}

#[test]
fn a_winner_must_be_significant() {
    let claims = judged(WINS, better_by(0.1), 0);
    assert_eq!(verdicts(&claims), [Verdict::Contradicted, Verdict::Reproduced]);
    assert!(claims[1].evidence.starts_with("Retrieval top-1: elements 128 0.7"), "{:?}", claims[1]);
    assert!(
        claims[1].evidence.contains("against the runner-up, elements 64 0.6"),
        "{:?}",
        claims[1]
    );
    assert!(claims[1].evidence.contains("; difference +0.1"), "{:?}", claims[1]);
    assert!(claims[0].evidence.contains("against the best, elements 128"), "{:?}", claims[0]);
    let claims = judged(WINS, better_by(0.0), 0);
    assert_eq!(verdicts(&claims), [Verdict::Inconclusive, Verdict::Inconclusive]);
}

#[test]
fn intervals_decide_about_margins_and_anchors() {
    let within = "for margin in [0.05, 0.5] { claim(\"w\", results.within(\"retrieval_top1\", \
         #{ elements: 64 }, #{ elements: 128 }, margin)); }";
    let claims = judged(within, better_by(0.2), 0);
    assert_eq!(verdicts(&claims), [Verdict::Contradicted, Verdict::Reproduced]);
    let exceeds = "claim(\"a\", results.exceeds(\"retrieval_top1\", #{ elements: 128 }, \
         #{ elements: 64 }));\nclaim(\"b\", results.exceeds(\"retrieval_top1\", #{ elements: 64 }, \
         #{ elements: 128 }));";
    let claims = judged(exceeds, better_by(0.2), 0);
    assert_eq!(verdicts(&claims), [Verdict::Reproduced, Verdict::Contradicted]);
    let anchor =
        "claim(\"a\", results.beats_anchor(\"retrieval_top1\", #{ elements: 64 }, \"chance\"));";
    assert_eq!(verdicts(&judged(anchor, better_by(0.0), 0)), [Verdict::Reproduced]);
    assert_eq!(
        verdicts(&judged(anchor, |_, p, _| 0.01 * (p % 3) as f64, 0)),
        [Verdict::Contradicted]
    );
}

#[test]
fn shares_that_are_lost_are_tested_too() {
    let loses = "for loss in [\"loses_more\", \"loses_less\"] { for share in [0.2, 0.8] {
            let from = #{ elements: 64 };
            let to = #{ elements: 128 };
            claim(loss, if loss == \"loses_more\" {
                results.loses_more(\"retrieval_top1\", from, to, share)
            } else {
                results.loses_less(\"retrieval_top1\", from, to, share)
            });
        } }";
    // About half is lost.
    let halved = judged(
        loses,
        |elements, person, seed| {
            (0.8 + 0.01 * (person % 5) as f64 + 0.001 * seed as f64)
                * if elements == 64 { 1.0 } else { 0.5 }
        },
        0,
    );
    let (yes, no) = (Verdict::Reproduced, Verdict::Contradicted);
    assert_eq!(verdicts(&halved), [yes, no, no, yes]);
    assert!(halved[0].evidence.contains(": 50 % lost; against a loss of 20 %"), "{halved:?}");
    // There is nothing to lose.
    let nothing = judged(loses, |_, person, _| if person % 2 == 0 { 0.1 } else { -0.1 }, 0);
    assert_eq!(verdicts(&nothing), [Verdict::Inconclusive; 4]);
}

#[test]
fn missing_trials_make_every_claim_inconclusive() {
    let claims = judged(&format!("{WINS} claim(\"c\", 1 == 1);"), better_by(0.2), 1);
    assert_eq!(verdicts(&claims), [Verdict::Inconclusive; 3]);
    for claim in claims {
        assert!(claim.evidence.starts_with("3 of 4 trials are measured; so far: "), "{claim:?}");
    }
}

#[test]
fn numbers_can_be_compared_and_unmeasured_ones_say_nothing() {
    let text = "let end = results.curve_end(\"loss\", #{ elements: 64 });\n\
         claim(\"end\", end > 1.0499 && end < 1.0501);\n\
         claim(\"mean\", results.mean(\"retrieval_top1\", #{ elements: 128 }) < 0.0);\n\
         claim(\"best\", results.best(\"retrieval_top1\").elements == 128);";
    let claims = judged(text, better_by(0.2), 0);
    let expected = [Verdict::Reproduced, Verdict::Contradicted, Verdict::Reproduced];
    assert_eq!(verdicts(&claims), expected);
    assert_eq!(claims[1].evidence, "the comparison is false; it takes no account of chance");
    let claims = judged(text, |_, _, _| f64::NAN, 0);
    assert_eq!(claims[1].verdict, Verdict::Inconclusive);
    assert_eq!(claims[1].evidence, "not measured yet: a number that is compared");
}
