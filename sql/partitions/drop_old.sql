-- Drops messages_unpartitioned, what messages was before it was partitioned: there is no way back from here.
--
-- psql -1 -f sql/partitions/drop_old.sql, when nothing is missed.
DO $drop_old$
BEGIN
    LOCK TABLE messages, messages_unpartitioned IN ACCESS EXCLUSIVE MODE;
    DROP FUNCTION messages_forget() CASCADE;
    DROP TABLE messages_unpartitioned;
END
$drop_old$;
