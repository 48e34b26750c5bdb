//! Goldens of scaled dot-product attention: values in three number types, gradients in f32.

use candle_core::{DType, Tensor, Var};
use ffrun_models::ops;

use super::case::Case;
use super::check::Check;
use super::{Kind, Result};

/// Attention by itself, on heads `[B, L, H, Dh]`.
pub(super) const KIND: Kind = Kind {
    name: "attention",
    recognises: |case| case.outputs().any(|name| name.ends_with(".f32.out")),
    run,
};

fn run(case: &Case) -> Result<Vec<Check>> {
    let mut checks = vec![];
    for name in case.outputs() {
        checks.extend(case.check(name, &compute(case, name)?)?);
    }
    Ok(checks)
}

/// `self.bf16.out` is the value from operands rounded to that type, `self.dq` a gradient.
fn compute(case: &Case, name: &str) -> Result<Tensor> {
    let (set, asked) = name.split_once('.').ok_or(format!("unknown output `{name}`"))?;
    let operand = |part: &str| case.input(&format!("attn_{set}_{part}"));
    let operands = [operand("q")?, operand("k")?, operand("v")?];
    let dtype = match asked {
        "f32.out" => DType::F32,
        "bf16.out" => DType::BF16,
        "f16.out" => DType::F16,
        "dq" | "dk" | "dv" => return gradient(&operands, &operand("gout")?, asked),
        _ => return Err(format!("unknown output `{name}`").into()),
    };
    let [q, k, v] = operands.map(|operand| operand.to_dtype(dtype));
    Ok(ops::attention_blhd(&q?, &k?, &v?)?.to_dtype(DType::F32)?)
}

/// The gradient of Σ out·gout in one operand.
fn gradient(operands: &[Tensor; 3], gout: &Tensor, asked: &str) -> Result<Tensor> {
    let vars = operands.iter().map(Var::from_tensor).collect::<candle_core::Result<Vec<_>>>()?;
    let out = ops::attention_blhd(vars[0].as_tensor(), vars[1].as_tensor(), vars[2].as_tensor())?;
    let gradients = (out * gout)?.sum_all()?.backward()?;
    let at = ["dq", "dk", "dv"].iter().position(|name| *name == asked).ok_or("no such gradient")?;
    Ok(gradients.get(&vars[at]).ok_or("no gradient reaches an operand")?.clone())
}
