-- Has the server look at each row that refers to a message, in case one does not: after switch.sql, and the last step.
--
-- psql -1 -f sql/partitions/validate.sql; it reads the tables that refer to messages, and nobody waits for it.
DO $validate$
DECLARE
    command text;
BEGIN
    FOREACH command IN ARRAY (SELECT commands FROM messages_partitioning WHERE step = 'validate') LOOP
        EXECUTE command;
    END LOOP;
    DROP TABLE messages_partitioning;
END
$validate$;
