//! MAGREF's canvas: all references side by side on white, and where they are.

use candle_core::{Device, Result, Tensor};

use super::fitting::{Place, fitted_on_white, paste};
use crate::error::{ModelError, ModelResult};
use crate::eval::picture::Picture;
use crate::stream::Stream;

/// Rows and columns of cells, by how many pictures they can hold. Five pictures leave a cell of
/// six empty.
const LAYOUTS: [[usize; 2]; 6] = [[1, 1], [1, 2], [1, 3], [2, 2], [2, 3], [2, 4]];

/// Pictures on white.
#[derive(Clone, Debug)]
pub struct Canvas {
    /// The canvas.
    pub picture: Picture,
    /// 1 on the pictures and 0 between them, row by row.
    pub region: Vec<u8>,
}

/// Which picture goes to which cell: picture `images[k]` to cell `cells[k]`, cells counted row by
/// row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanvasOrder {
    /// Every picture once.
    pub images: Vec<usize>,
    /// Every cell once.
    pub cells: Vec<usize>,
}

impl CanvasOrder {
    /// Pictures in the cells as they come.
    pub fn as_given(pictures: usize) -> Self {
        let cells = layout(pictures).map_or(0, |[rows, columns]| rows * columns);
        Self { images: (0..pictures).collect(), cells: (0..cells).collect() }
    }

    /// Both shuffled, as released; there from a generator that no seed reaches, here from `stream`.
    pub fn shuffled(pictures: usize, stream: &mut Stream) -> Self {
        let mut order = Self::as_given(pictures);
        stream.shuffle(&mut order.images);
        stream.shuffle(&mut order.cells);
        order
    }
}

impl Canvas {
    /// Each picture fitted into its cell of a canvas of `size` (height, width).
    ///
    /// # Errors
    /// With no picture or more than 8, when the order is no permutation, and when a cell is too
    /// small for its picture.
    pub fn new(pictures: &[Picture], size: [usize; 2], order: &CanvasOrder) -> ModelResult<Self> {
        let [height, width] = size;
        let cells = canvas_cells(pictures.len(), size)?;
        if !is_permutation(&order.images, pictures.len())
            || !is_permutation(&order.cells, cells.len())
        {
            let expected = "must name each picture and each cell once".to_owned();
            return Err(ModelError::BadSetting {
                setting: "order",
                got: format!("{order:?}"),
                expected,
            });
        }
        let mut values = vec![255; height * width * 3];
        let mut region = vec![0; height * width];
        for (&image, &cell) in order.images.iter().zip(&order.cells) {
            let cell = cells[cell];
            let (fitted, inside) = fitted_on_white(&pictures[image], [cell.height, cell.width])?;
            paste(&mut values, width, &fitted, cell);
            let rows = region.chunks_exact_mut(width).skip(cell.top + inside.top);
            let left = cell.left + inside.left;
            for row in rows.take(inside.height) {
                row[left..left + inside.width].fill(1);
            }
        }
        Ok(Self { picture: Picture::new(size, values)?, region })
    }

    /// The region as [`super::ReferencePictures::region`] wants it, `[1, 1, H, W]`.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn region_tensor(&self, device: &Device) -> Result<Tensor> {
        let [height, width] = self.picture.size();
        let values: Vec<f32> = self.region.iter().map(|&inside| f32::from(inside)).collect();
        Tensor::from_vec(values, (1, 1, height, width), device)
    }
}

/// The cells for so many pictures, row by row; the last of a row or column takes what is left.
///
/// # Errors
/// With no picture or more than 8.
pub fn canvas_cells(pictures: usize, [height, width]: [usize; 2]) -> ModelResult<Vec<Place>> {
    let Some([rows, columns]) = layout(pictures) else {
        return Err(ModelError::BadSetting {
            setting: "pictures",
            got: pictures.to_string(),
            expected: "must be 1 to 8 on one canvas".into(),
        });
    };
    let line = |at: usize, of: usize, length: usize| {
        let side = length / of;
        (at * side, if at + 1 == of { length - at * side } else { side })
    };
    let cell = |at: usize| {
        let (top, height) = line(at / columns, rows, height);
        let (left, width) = line(at % columns, columns, width);
        Place { top, left, height, width }
    };
    Ok((0..rows * columns).map(cell).collect())
}

fn layout(pictures: usize) -> Option<[usize; 2]> {
    let fits = |[rows, columns]: &&[usize; 2]| pictures > 0 && rows * columns >= pictures;
    LAYOUTS.iter().find(fits).copied()
}

fn is_permutation(places: &[usize], count: usize) -> bool {
    let mut sorted = places.to_vec();
    sorted.sort_unstable();
    sorted.into_iter().eq(0..count)
}
