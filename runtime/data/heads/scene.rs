//! A picture of a scene: person, light, surroundings and what is in front, at a pixel size.

use super::backdrop::Backdrop;
use super::camera::Camera;
use super::light::Light;
use super::model::{Material, Model};
use super::occluder::Occluder;
use super::posed::Posed;
use super::raster::{NOTHING, Samples, Setup, Sides};
use super::shade::Shader;
use super::vector::{V3, add, byte, scale};

/// Samples along each side of a pixel.
const OVER: usize = 2;

/// What a picture shows.
pub(crate) struct Scene<'a> {
    /// The person.
    pub(crate) model: &'a Model,
    /// Their pose.
    pub(crate) posed: &'a Posed,
    /// Where the eyes look.
    pub(crate) gaze: [f32; 2],
    /// Light.
    pub(crate) light: &'a Light,
    /// What is behind.
    pub(crate) backdrop: &'a Backdrop,
    /// What is in front.
    pub(crate) occluders: &'a [Occluder],
    /// What the picture shows of it.
    pub(crate) camera: Camera,
}

/// A finished picture.
pub(crate) struct Picture {
    /// RGB, row by row.
    pub(crate) pixels: Vec<u8>,
    /// Share of the face turned to the camera that nothing covers; 0 when no face is seen.
    pub(crate) visible: f32,
}

impl Scene<'_> {
    /// Draws it with this many pixels along a side.
    pub(crate) fn draw(&self, side: usize, samples: &mut Samples) -> Picture {
        if samples.side == side * OVER {
            samples.clear();
        } else {
            *samples = Samples::new(side * OVER);
        }
        let shader =
            Shader { model: self.model, posed: self.posed, light: self.light, gaze: self.gaze };
        let points = self.sample_points(samples.side);
        self.draw_triangles(samples, &points, &shader);
        let (cover, visible) = self.cover(samples);
        let behind = self.backdrop.paint(side, self.light);
        let mut pixels = Vec::with_capacity(side * side * 3);
        let brush = Brush { points: &points, samples, shader: &shader, cover: &cover };
        for y in 0..side {
            for x in 0..side {
                let colour = brush.pixel(x, y, behind[y * side + x]);
                pixels.extend(colour.map(byte));
            }
        }
        Picture { pixels, visible }
    }

    fn sample_points(&self, side: usize) -> Vec<V3> {
        let place = |p: &V3| {
            let [x, y] = self.camera.pixel([p[0], p[1]], side);
            [x, y, p[2]]
        };
        self.posed.points.iter().map(place).collect()
    }

    fn draw_triangles(&self, samples: &mut Samples, points: &[V3], shader: &Shader<'_>) {
        let model = self.model;
        for (number, (&corners, material)) in
            model.triangles.iter().zip(&model.materials).enumerate()
        {
            let p = corners.map(|v| points[v as usize]);
            match material {
                Material::Hair | Material::Curl => {
                    samples
                        .draw(p, number as u32, Sides::Both, |b, c| shader.covers(corners, b, c));
                }
                Material::Lash => samples.draw(p, number as u32, Sides::Both, |_, _| true),
                _ => samples.draw(p, number as u32, Sides::Outer, |_, _| true),
            }
        }
    }

    /// Colours of what is in front, sample by sample, and the visible share of the face.
    fn cover(&self, samples: &Samples) -> (Vec<Option<V3>>, f32) {
        let is_face = |shown: u32| shown != NOTHING && self.model.face[shown as usize];
        let total = samples.shown.iter().filter(|&&shown| is_face(shown)).count();
        let mut cover = Vec::new();
        if !self.occluders.is_empty() {
            cover = vec![None; samples.shown.len()];
            for occluder in self.occluders {
                occluder.paint(&mut cover, samples.side, &self.camera, self.light);
            }
        }
        let hidden = cover
            .iter()
            .zip(&samples.shown)
            .filter(|(cover, shown)| cover.is_some() && is_face(**shown))
            .count();
        // A sliver at the edge of a turned head is no face.
        let least = samples.shown.len() / 400;
        let visible = if total <= least { 0.0 } else { (total - hidden) as f32 / total as f32 };
        (cover, visible)
    }
}

struct Brush<'a> {
    points: &'a [V3],
    samples: &'a Samples,
    shader: &'a Shader<'a>,
    cover: &'a [Option<V3>],
}

impl Brush<'_> {
    /// Mean of a pixel's samples. Samples of one material and depth share one colour.
    fn pixel(&self, x: usize, y: usize, behind: V3) -> V3 {
        let mut sum = [0.0; 3];
        for dy in 0..OVER {
            for dx in 0..OVER {
                let at = [x * OVER + dx, y * OVER + dy];
                sum = add(sum, self.sample(at, behind));
            }
        }
        scale(sum, 1.0 / (OVER * OVER) as f32)
    }

    fn sample(&self, [x, y]: [usize; 2], behind: V3) -> V3 {
        let at = y * self.samples.side + x;
        if let Some(Some(colour)) = self.cover.get(at) {
            return *colour;
        }
        let number = self.samples.shown[at];
        if number == NOTHING {
            return behind;
        }
        let corners = self.shader.model.triangles[number as usize];
        let p = corners.map(|v| self.points[v as usize]);
        let Some(setup) = Setup::new(p) else { return behind };
        let (b, c) = setup.at(x as f32 + 0.5, y as f32 + 0.5);
        self.shader.colour(number, [1.0 - b - c, b, c])
    }
}
