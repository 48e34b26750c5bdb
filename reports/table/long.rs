//! A table as long CSV: one line per cell, with every number behind it.

use super::grid::{Cell, Rank, Table};
use crate::rows::Provenance;

const HEADER: [&str; 16] = [
    "table",
    "provenance",
    "origin",
    "row",
    "metric",
    "value",
    "low",
    "high",
    "identities",
    "seeds",
    "difference",
    "difference_low",
    "difference_high",
    "p",
    "p_holm",
    "rank",
];

/// The table's cells, measured first, in reading order. Numbers are exact; empty means none.
pub(crate) fn long(table: &Table) -> String {
    let mut lines = vec![HEADER.map(str::to_owned)];
    for block in &table.blocks {
        let provenance = match block.provenance {
            Provenance::Measured => "measured",
            Provenance::Published => "published",
        };
        for row in &block.rows {
            let label = if row.anchor {
                row.labels.join(" ")
            } else {
                let pairs = block.row_names.iter().zip(&row.labels);
                pairs.map(|(name, label)| format!("{name}={label}")).collect::<Vec<_>>().join(";")
            };
            for (column, cell) in block.columns.iter().zip(&row.cells) {
                let place =
                    [&table.id, provenance, &block.origin, &label, &column.name].map(str::to_owned);
                let mut line: [String; 16] = Default::default();
                for (slot, text) in line.iter_mut().zip(place.into_iter().chain(numbers(cell))) {
                    *slot = text;
                }
                lines.push(line);
            }
        }
    }
    crate::export::csv(lines)
}

fn numbers(cell: &Cell) -> [String; 11] {
    let float = |value: Option<f64>| {
        value.filter(|value| value.is_finite()).map_or_else(String::new, |value| value.to_string())
    };
    let estimate = cell.estimate;
    let difference = cell.test.map(|(difference, _)| difference);
    [
        float(cell.value),
        float(estimate.map(|e| e.low)),
        float(estimate.map(|e| e.high)),
        estimate.map_or_else(String::new, |e| e.identities.to_string()),
        estimate.map_or_else(String::new, |e| e.seeds.to_string()),
        float(difference.map(|d| d.mean)),
        float(difference.map(|d| d.low)),
        float(difference.map(|d| d.high)),
        float(difference.map(|d| d.p)),
        float(cell.test.map(|(_, p)| p)),
        match cell.rank {
            Rank::Best => "best",
            Rank::Second => "second",
            Rank::None => "",
        }
        .to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{few, few_table};
    use crate::stats::Frame;

    #[test]
    fn snapshot() {
        let text = long(&Table::new(&few_table(), &few(), &Frame::new(&few())).unwrap());
        assert_eq!(
            text,
            r#"table,provenance,origin,row,metric,value,low,high,identities,seeds,difference,difference_low,difference_high,p,p_holm,rank
sizes,measured,"scale smoke, in-world heads",elements=1024,retrieval_top1,0.5225,0.48668578289995057,0.5583142171000498,4,2,-0.19999999999999996,-0.19999999999999996,-0.19999999999999996,0.125,0.125,second
sizes,measured,"scale smoke, in-world heads",elements=1024,dictionary_dead,21,8.293795263825306,33.7062047361747,0,2,,,,,,best
sizes,measured,"scale smoke, in-world heads",elements=4096,retrieval_top1,0.7224999999999999,0.6866857828999505,0.7583142171000498,4,2,,,,,,best
sizes,measured,"scale smoke, in-world heads",elements=4096,dictionary_dead,29.400000000000002,11.611313369355404,47.1886866306446,0,2,8.400000000000002,3.3175181055300973,13.482481894469906,0.030292344376736457,0.060584688753472914,second
sizes,measured,"scale smoke, in-world heads",elements=8192,retrieval_top1,,,,,,,,,,,
sizes,measured,"scale smoke, in-world heads",elements=8192,dictionary_dead,,,,,,,,,,,
sizes,measured,"scale smoke, in-world heads",chance,retrieval_top1,0.015625,,,,,,,,,,
sizes,measured,"scale smoke, in-world heads",chance,dictionary_dead,,,,,,,,,,,
sizes,published,"paper, Table 3",elements=1024,facesim_cur,0.448,,,,,,,,,,
sizes,published,"paper, Table 3",elements=2048,facesim_cur,,,,,,,,,,,
"#
        );
    }
}
