//! The mechanisms of the standard library are those that the reference vectors prove.

use ffrun_models::baselines::{
    self, ConcatIdStage, FaceSpec, Mechanism, concat_id, consisid, faithful_faces, hunyuan_custom,
    magref, phantom, skyreels_a2, skyreels_a2_intended, stand_in, stand_in_intended, vace,
};

use super::Declared;
use crate::{
    metrics,
    script::{ScriptOptions, host::Host, program::engine, stdlib},
    stages::mechanism::Encoders,
};

/// What an expression of a script gives.
fn declared(expression: &str) -> Mechanism {
    let options = ScriptOptions {
        metrics: metrics::catalogue(),
        scale: "smoke".to_owned(),
        ..ScriptOptions::default()
    };
    let host = Host::new(options);
    let mut engine = engine(&host);
    stdlib::register(&mut engine, &host).unwrap();
    let made: Declared = engine.eval_expression(expression).unwrap();
    Mechanism::clone(&made.0)
}

#[test]
fn the_standard_library_declares_what_the_goldens_prove() {
    let sizes = Encoders::sizes().unwrap();
    // The smallest scale: rank 2, an S of 32 values, tokens of 32 values in two heads.
    let (rank, shared, width, heads) = (2, 32, 32, 2);
    let image = sizes.image_width;
    let face = FaceSpec {
        id_dim: sizes.face_width,
        vit_dim: image,
        scales: sizes.image_layers,
        depth: sizes.image_layers,
        heads,
        head_dim: width / heads,
        id_tokens: 2,
        queries: 8,
        out_dim: width / 3 * 2,
        ff_mult: 2,
        cross_heads: heads,
        cross_head_dim: width / heads,
        ..FaceSpec::default()
    };
    let cases = [
        ("vace()", vace()),
        ("phantom()", phantom()),
        ("concat_id()", concat_id(ConcatIdStage::AdaLn)),
        ("concat_id(\"intended\")", concat_id(ConcatIdStage::AdaLnIntended)),
        ("concat_id(\"first_stage\")", concat_id(ConcatIdStage::First)),
        ("stand_in()", stand_in(rank)),
        ("stand_in(\"intended\")", stand_in_intended(rank)),
        ("hunyuan_custom()", hunyuan_custom(Some(image))),
        ("hunyuan_custom().but(#{ image: () })", hunyuan_custom(None)),
        ("skyreels_a2()", skyreels_a2(image)),
        ("skyreels_a2(\"intended\")", skyreels_a2_intended(image)),
        ("magref()", magref(image)),
        ("consisid()", consisid(face)),
        ("faithful_faces()", faithful_faces(rank, shared)),
    ];
    for (expression, proven) in cases {
        assert_eq!(declared(&format!("baselines::{expression}")), proven, "{expression}");
    }
}

#[test]
fn guidance_is_scaled_in_proportion_and_vace_gets_nothing_to_read() {
    let gentle = declared("baselines::guided(baselines::on_vace(baselines::phantom()), 3.0)");
    let scales: Vec<f64> = gentle.passes.iter().map(|pass| pass.scale).collect();
    assert_eq!(scales, [1.0, 2.0, 3.0]);
    assert_eq!(gentle.control, Some(baselines::ControlSpec { references: false, scale: 1.0 }));
    assert_eq!(declared("baselines::on_vace(baselines::vace())"), vace());
}
