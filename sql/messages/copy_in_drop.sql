-- Drops the table of a batch that is stored, for in one transaction the next batch makes its own.
--
-- No deleted_at: what was in it is in messages, or refused.
--
-- after    messages/copy_in_stage
-- returns  nothing
DROP TABLE pg_temp.copy_in_stage;
