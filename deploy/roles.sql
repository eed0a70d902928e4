-- One login role and one schema per service; a role can touch its own schema and nothing else. Beside it a role without a login.
--
-- Run by `pingcrm migrate` as an administrator (superuser, or owner of the database with CREATEROLE), as often as you like.
-- Passwords come as settings of the session, one per service:
--     SELECT set_config('pingcrm.auth_password', '…', false);  -- a password, or its SCRAM verifier
-- Without one, the role keeps the password that it has.

-- Two migrations at once would trip over each other.
SELECT pg_advisory_xact_lock(hashtext('pingcrm.roles'));

REVOKE ALL ON SCHEMA public FROM PUBLIC;

DO $$
DECLARE
    service text;
    role_name text;
    user_role_name text;
    password text;
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());

    FOREACH service IN ARRAY ARRAY['auth', 'sync', 'contacts', 'prep', 'gateway'] LOOP
        role_name := 'pingcrm_' || service;
        user_role_name := role_name || '_user';
        password := nullif(current_setting(format('pingcrm.%s_password', service), true), '');

        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT', role_name);
        END IF;
        IF password IS NOT NULL THEN
            EXECUTE format('ALTER ROLE %I PASSWORD %L', role_name, password);
        END IF;

        -- An administrator who is no superuser may give away a schema only to a role whose member it is.
        IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
        END IF;

        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role_name);
        EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', service, role_name);
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', service);
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path = %I', role_name, current_database(), service);

        -- As which a service works on behalf of one user: `pingcrm migrate` lets it see the rows of that user alone. Nobody logs in with it.
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = user_role_name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', user_role_name);
        END IF;
        EXECUTE format('GRANT %I TO %I', user_role_name, role_name);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', service, user_role_name);
    END LOOP;
END
$$;
