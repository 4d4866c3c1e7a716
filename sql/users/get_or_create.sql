-- The person with this Telegram id: stored when new, brought up to date when changed, revived when deleted.
--
-- telegram_user_id  bigint  Telegram's id of the person
-- username          text    without the @; '' for none
-- first_name        text
-- last_name         text    '' for none
-- language_code     text    IETF tag as Telegram sends it; '' for none
-- returns           User    1 row
WITH known AS (
    -- equal and live: nothing is written, not even a dead row version
    SELECT
        id, telegram_user_id, username, first_name, last_name, language_code, created_at, updated_at, deleted_at
    FROM users
    WHERE telegram_user_id = :'telegram_user_id'
      AND deleted_at IS NULL
      AND (username, first_name, last_name, language_code) IS NOT DISTINCT FROM
      (NULLIF(:'username', ''), :'first_name', NULLIF(:'last_name', ''), NULLIF(:'language_code', ''))
),

written AS (
    INSERT INTO users (telegram_user_id, username, first_name, last_name, language_code)
    SELECT
        :'telegram_user_id', NULLIF(:'username', ''), :'first_name', NULLIF(:'last_name', ''),
        NULLIF(:'language_code', '')
    WHERE NOT EXISTS (SELECT FROM known)
    -- without WHERE: a row that this snapshot cannot see yet is still returned
    ON CONFLICT (telegram_user_id) DO UPDATE
    SET
        username = excluded.username, first_name = excluded.first_name, last_name = excluded.last_name,
        language_code = excluded.language_code, updated_at = now(), deleted_at = NULL
    RETURNING
        id, telegram_user_id, username, first_name, last_name, language_code, created_at, updated_at, deleted_at
)

TABLE known
UNION ALL
TABLE written;
