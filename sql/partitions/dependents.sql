-- Refuses where something names messages by its oid, and would stay with the old table: before create and switch.
--
-- psql -1 -f sql/partitions/dependents.sql with the other one; it changes nothing.
DO $dependents$
DECLARE
    known text;
BEGIN
    SELECT string_agg(DISTINCT pg_describe_object(classid, objid, 0), ', ') INTO known
    FROM pg_depend
    WHERE refclassid = 'pg_class'::regclass
      AND refobjid = 'messages'::regclass
      AND classid IN ('pg_rewrite'::regclass, 'pg_policy'::regclass, 'pg_publication_rel'::regclass, 'pg_proc'::regclass);
    IF known IS NOT NULL THEN
        RAISE EXCEPTION 'messages cannot be replaced: drop what refers to it, and make it again afterwards: %', known
            USING ERRCODE = 'dependent_objects_still_exist';
    END IF;
    -- made since create.sql
    SELECT string_agg(c.relname, ', ') INTO known
    FROM pg_index AS i
    INNER JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE i.indrelid = 'messages'::regclass
      AND i.indisvalid
      AND to_regclass('messages_partitioned') IS NOT NULL
      AND to_regclass(quote_ident(left(c.relname, 51) || '_partitioned')) IS NULL;
    IF known IS NOT NULL THEN
        RAISE EXCEPTION 'messages has an index that its partitions lack: drop it, make it again afterwards: %', known
            USING ERRCODE = 'dependent_objects_still_exist';
    END IF;
END
$dependents$;
