//! Logs of publishes, bounded: the beginning and the end are kept, and a line between them says how much is not.
//!
//! `log_lines` counts every line there ever was. The head is the lines from 1 to `log_head_lines`; it grows until it is
//! full. Then `log_tail_from` is set, and the tail is the lines from there on; its oldest go when it is full.

use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use vitrine_model::publish::{PublishLogLine, PublishStepName};
use vitrine_model::{AppId, PublishId, Timestamp};

use crate::codec::{of_word, signed, unsigned, word};
use crate::entity_publishing::publish_logs::{self, Column, Model};
use crate::entity_publishing::publishes;
use crate::error::StoreError;
use crate::publish_row::{held, write};
use crate::publishes::one;
use crate::scope::Scope;
use crate::store::Store;

/// Lines kept of the beginning: what was resolved and which command ran.
const HEAD_LINES: i64 = 1_000;

/// Lines kept of the end, where errors stand; with the line that tells of the gap the log has at most 4,000.
const TAIL_LINES: i64 = 2_999;

/// Bytes kept of the beginning and of the end; 1 MiB together.
const HEAD_BYTES: i64 = 256 * 1024;
const TAIL_BYTES: i64 = 768 * 1024;

/// Bytes kept of one line: longer ones are minified code that nobody reads.
const LINE_BYTES: usize = 8 * 1024;

/// Rows in one insert.
const ROWS_PER_INSERT: usize = 500;

/// Rows looked at in one step when the tail is cut.
const ROWS_PER_CUT: u64 = 500;

/// A line to be added to a publish's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLogLine {
    /// When it was printed.
    pub at: Timestamp,
    /// The step that printed it.
    pub step: PublishStepName,
    /// True for the error stream.
    pub is_stderr: bool,
    /// What was printed, without the line's end; cleaned and cut when it is stored.
    pub text: String,
}

impl Store {
    /// Adds lines to a publish's log. [`StoreError::LeaseLost`] when the publish is not the caller's.
    pub async fn append_publish_log(
        &self,
        publish: &PublishId,
        fence: u64,
        lines: Vec<NewLogLine>,
    ) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let tx = self.begin().await?;
        let mut row = held(&tx, publish, fence).await?;
        let mut rows = Vec::with_capacity(lines.len());
        for line in lines {
            rows.push(numbered(&mut row, line)?);
        }
        for chunk in rows.chunks(ROWS_PER_INSERT) {
            let chunk: Vec<_> = chunk.iter().map(|line| line.clone().into_active_model()).collect();
            publish_logs::Entity::insert_many(chunk).exec_without_returning(&tx).await?;
        }
        cut_tail(&tx, &mut row).await?;
        write(&tx, row).await?;
        Ok(tx.commit().await?)
    }

    /// Lines of a publish's log after line `after`, at most `limit`. Where lines were dropped, one line in their place says
    /// how many.
    pub async fn publish_log(
        &self,
        scope: &Scope,
        app: &AppId,
        publish: &PublishId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<PublishLogLine>, StoreError> {
        // The row says where the gap is; lines of another moment would not fit it.
        let snapshot = self.0.db.snapshot().await?;
        let row = one(scope, app, publish).one(&snapshot).await?.ok_or(StoreError::NotFound)?;
        let lines = publish_logs::Entity::find()
            .filter(Column::PublishId.eq(publish.as_str()))
            .filter(Column::Seq.gt(signed(after)))
            .order_by_asc(Column::Seq)
            .limit(u64::from(limit))
            .all(&snapshot)
            .await?;
        snapshot.commit().await?;
        let mut shown = Vec::with_capacity(lines.len() + 1);
        for line in lines {
            shown.extend(gap_before(&row, &line, after)?);
            shown.push(line_of(line)?);
        }
        shown.truncate(limit as usize);
        Ok(shown)
    }
}

/// Gives a line its number and counts it to the head or to the tail.
fn numbered(row: &mut publishes::Model, line: NewLogLine) -> Result<Model, StoreError> {
    row.log_lines += 1;
    let text = cleaned(&line.text);
    let bytes = signed(text.len() as u64);
    let fits = row.log_head_lines < HEAD_LINES && row.log_head_bytes + bytes <= HEAD_BYTES;
    match row.log_tail_from {
        None if fits => {
            row.log_head_lines += 1;
            row.log_head_bytes += bytes;
        }
        None => {
            row.log_tail_from = Some(row.log_lines);
            row.log_tail_bytes = bytes;
        }
        Some(_) => row.log_tail_bytes += bytes,
    }
    Ok(Model {
        publish_id: row.id.clone(),
        seq: row.log_lines,
        at: line.at.as_millis(),
        step: word(&line.step)?,
        is_stderr: line.is_stderr,
        line: text,
    })
}

/// Drops the oldest lines of the tail until it is within its bounds.
async fn cut_tail<C: ConnectionTrait>(tx: &C, row: &mut publishes::Model) -> Result<(), StoreError> {
    let Some(first) = row.log_tail_from else { return Ok(()) };
    let mut from = first;
    let is_over = |from: i64, bytes: i64, lines: i64| lines - from + 1 > TAIL_LINES || bytes > TAIL_BYTES;
    while is_over(from, row.log_tail_bytes, row.log_lines) {
        let oldest = publish_logs::Entity::find()
            .filter(Column::PublishId.eq(&row.id))
            .filter(Column::Seq.gte(from))
            .order_by_asc(Column::Seq)
            .limit(ROWS_PER_CUT)
            .all(tx)
            .await?;
        if oldest.is_empty() {
            break;
        }
        for line in oldest {
            if !is_over(from, row.log_tail_bytes, row.log_lines) {
                break;
            }
            row.log_tail_bytes -= signed(line.line.len() as u64);
            from = line.seq + 1;
        }
    }
    if from > first {
        row.log_tail_from = Some(from);
        publish_logs::Entity::delete_many()
            .filter(Column::PublishId.eq(&row.id))
            .filter(Column::Seq.gte(first))
            .filter(Column::Seq.lt(from))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// The line that tells of dropped ones, when they stood right before this one and the reader has not passed them.
fn gap_before(
    row: &publishes::Model,
    line: &Model,
    after: u64,
) -> Result<Option<PublishLogLine>, StoreError> {
    if row.log_tail_from != Some(line.seq) {
        return Ok(None);
    }
    let dropped = line.seq - 1 - row.log_head_lines.max(signed(after));
    if dropped <= 0 {
        return Ok(None);
    }
    Ok(Some(PublishLogLine {
        seq: unsigned(line.seq - 1)?,
        at: Timestamp::from_millis(line.at),
        step: of_word(&line.step)?,
        is_stderr: false,
        text: format!("[{dropped} lines were not kept]"),
    }))
}

fn line_of(row: Model) -> Result<PublishLogLine, StoreError> {
    Ok(PublishLogLine {
        seq: unsigned(row.seq)?,
        at: Timestamp::from_millis(row.at),
        step: of_word(&row.step)?,
        is_stderr: row.is_stderr,
        text: row.line,
    })
}

/// A line without terminal sequences and control characters except tabs, and not too long.
fn cleaned(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(LINE_BYTES));
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' && chars.peek() == Some(&'[') {
            // ECMA-48 5.4: a control sequence ends with the first character from `@` to `~` after its `[`.
            chars.next();
            _ = chars.by_ref().find(|end| ('@'..='~').contains(end));
            continue;
        }
        if c.is_control() && c != '\t' {
            continue;
        }
        if clean.len() + c.len_utf8() > LINE_BYTES {
            clean.push('…');
            break;
        }
        clean.push(c);
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_kept_without_what_a_terminal_would_act_on() {
        assert_eq!(cleaned("\u{1b}[32m✓\u{1b}[0m built\tin\0 3\u{7}s\r\n"), "✓ built\tin 3s");
        assert_eq!(cleaned("\u{1b}[999"), "");
        assert_eq!(cleaned(&"ü".repeat(LINE_BYTES)).len(), LINE_BYTES + '…'.len_utf8());
    }
}
