-- Gives up partitioning messages, which is and stays as it was: any time before switch.sql.
--
-- psql -1 -f sql/partitions/abandon.sql; create.sql begins anew.
DO $abandon$
BEGIN
    -- the foreign keys' tables, too: all at once, or none
    LOCK TABLE chats, users, messages, messages_partitioned IN ACCESS EXCLUSIVE MODE;
    DROP FUNCTION IF EXISTS messages_mirror() CASCADE;
    DROP TABLE messages_partitioned, messages_partitioning;
END
$abandon$;
