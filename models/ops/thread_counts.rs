//! Every operation gives the same bytes on one thread, two, three and five.

use candle_core::{Result, Tensor, Var};
use rayon::ThreadPoolBuilder;

use super::agreement::sample;
use super::{
    Conv2d, Conv3d, Pool, Pool2d, add, attention_blhd, avg_pool2d, channel_affine,
    channel_rms_norm, conv3d, gated_add, gelu, gelu_linear, layer_norm, linear, max_pool2d,
    modulated_norm, pooled_correlation, prelu, reshape, rms_norm, rope, row_sum, silu, softmax,
    sparsemax, token_sum,
};

/// The bits of all values and gradients of a computation through every operation.
fn bits() -> Result<Vec<u32>> {
    let var = |tensor: Tensor| Var::from_tensor(&tensor);
    let vars = [
        var(sample((24, 70, 64), 1))?,
        var(sample((700, 64), 2))?,
        var(sample((64, 64), 3))?,
        var(sample(64, 4))?,
    ];
    let [e, dictionary, weight, bias] = &vars;
    let x = gelu(&linear(e, weight, Some(bias))?)?;
    let x = silu(&rms_norm(&layer_norm(&x, bias, bias, 1e-5)?, bias, 1e-5)?)?;
    let rows = x.narrow(1, 0, 1)?;
    let x = gated_add(e, &modulated_norm(&x, &rows, &x.narrow(1, 1, 1)?, 1e-6)?, &rows)?;
    let heads = x.reshape((24, 70, 4, 16))?;
    let (cos, sin) = (sample((70, 8), 5), sample((70, 8), 6));
    let heads = rope(&heads, &cos, &sin)?;
    let seen = reshape(&attention_blhd(&heads, &heads, &heads)?, (24, 70, 64))?;
    let x = add(&gelu_linear(&x, weight, bias)?, &seen)?;
    let best = pooled_correlation(&x, dictionary, Pool::Max)?;
    let mean = pooled_correlation(&x, dictionary, Pool::Mean)?;
    let mixed = (softmax(&mean)? + sparsemax(&best)?)?;
    let s = linear(&mixed, &dictionary.t()?, None)?;
    let loss = ((s * token_sum(&x)?)?.sum_all()? + row_sum(&x)?.sqr()?.sum_all()?)?;
    let loss = (loss + films(&x, dictionary, bias)?.sqr()?.sum_all()?)?;
    let gradients = loss.backward()?;
    let mut bits = vec![loss.to_scalar::<f32>()?.to_bits()];
    for var in &vars {
        let values = gradients.get(var).expect("every variable has a gradient").flatten_all()?;
        bits.extend(values.to_vec1::<f32>()?.into_iter().map(f32::to_bits));
    }
    Ok(bits)
}

/// The tokens as four films of six frames, normalised, bent, pooled and convolved.
fn films(x: &Tensor, dictionary: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let gamma = dictionary.narrow(0, 0, 70)?.narrow(1, 0, 1)?.flatten_all()?;
    let pictures = channel_rms_norm(&x.reshape((24, 70, 8, 8))?, &gamma)?;
    let pictures = prelu(&channel_affine(&pictures, &gamma, &gamma)?, &gamma)?;
    let pool = Pool2d { kernel: 3, stride: 1, padding: 1 };
    let pictures = (max_pool2d(&pictures, pool)? + avg_pool2d(&pictures, pool, false)?)?;
    let kernel = dictionary.flatten_all()?.narrow(0, 0, 5 * 70 * 27)?.reshape((5, 70, 3, 3, 3))?;
    let conv = Conv3d { frame: Conv2d::padded(1), time_stride: 1 };
    conv3d(&pictures.reshape((4, 6, 70, 8, 8))?, &kernel, Some(&bias.narrow(0, 0, 5)?), conv)
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let on = |threads: usize| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(bits).unwrap()
    };
    let one = on(1);
    assert!(one.iter().all(|&bits| f32::from_bits(bits).is_finite()));
    for threads in [2, 3, 5] {
        assert!(on(threads) == one, "{threads} threads give other bytes than one");
    }
}
