//! Which networks made the numbers: their names are part of every metric's name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The loss that a recogniser was trained by. It decides what its similarity may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// Additive angular margin (Deng et al. 2019).
    ArcFace,
    /// With a curriculum of hard examples (Huang et al. 2020).
    CurricularFace,
    /// Another one, or nobody says.
    Other,
}

impl Loss {
    /// The metric of a recogniser's similarity.
    pub fn metric(self) -> &'static str {
        match self {
            Self::ArcFace => "facesim_arc",
            Self::CurricularFace => "facesim_cur",
            Self::Other => "facesim",
        }
    }
}

/// Names of the weights that saw a list of clips.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Networks {
    /// What finds faces.
    pub detector: String,
    /// Recognisers, and the loss each was trained by.
    pub recognisers: BTreeMap<String, Loss>,
    /// What reads poses.
    pub pose: Option<String>,
    /// What gives the features of distances.
    pub features: Option<String>,
    /// What compares frames with prompts.
    pub text: Option<String>,
}

/// A metric's name with the name of its network: `facesim_arc@buffalo_l`. The same similarity by
/// other weights is another number (ConsisID's script takes `buffalo_l` where its generator
/// takes `antelopev2`).
pub fn of_network(metric: &str, network: &str) -> String {
    format!("{metric}@{network}")
}

/// A metric's name and its network's, where it has one.
pub fn split(name: &str) -> (&str, Option<&str>) {
    name.split_once('@').map_or((name, None), |(metric, network)| (metric, Some(network)))
}

#[cfg(test)]
mod tests {
    use super::{Loss, of_network, split};

    #[test]
    fn only_the_right_loss_gives_a_metric_its_name() {
        assert_eq!(of_network(Loss::ArcFace.metric(), "buffalo_l"), "facesim_arc@buffalo_l");
        assert_eq!(Loss::Other.metric(), "facesim");
        assert_eq!(split("facesim_cur@glint360k"), ("facesim_cur", Some("glint360k")));
        assert_eq!(split("psnr"), ("psnr", None));
    }
}
