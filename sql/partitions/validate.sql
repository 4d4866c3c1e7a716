-- Has the server look at each row that refers to a message, in case one does not: after switch.sql.
--
-- psql -1 -f sql/partitions/validate.sql; it reads the tables that refer to messages, and nobody waits for it.
DO $validate$
DECLARE
    each record;
BEGIN
    FOR each IN
        SELECT conrelid::regclass AS relation, conname AS name
        FROM pg_constraint
        WHERE confrelid = 'messages'::regclass AND NOT convalidated AND conparentid = 0
    LOOP
        EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', each.relation, each.name);
    END LOOP;
END
$validate$;
