-- title: Two barriers take minutes from one parking pass
-- class: check_then_act
-- construct: while, names in another language
-- anomaly: lost update
-- refused: P0001 SALDO_INSUFICIENTE*
--
-- The minutes lie in several vouchers, of which the oldest is used up first. Their sum is checked
-- before any of them is locked.

-- @schema
CREATE SCHEMA aparcamiento;
CREATE TABLE aparcamiento.abonado (matricula TEXT PRIMARY KEY);
CREATE TABLE aparcamiento.bono (
    numero INTEGER PRIMARY KEY,
    matricula TEXT NOT NULL REFERENCES aparcamiento.abonado,
    restante INTEGER NOT NULL
);

-- @racy
CREATE FUNCTION aparcamiento.consumir(p_matricula TEXT, p_minutos INTEGER) RETURNS INTEGER
LANGUAGE plpgsql
AS $funcion$
DECLARE
    v_pendiente INTEGER := p_minutos;
    v_bono aparcamiento.bono;
    v_parte INTEGER;
BEGIN
    IF (SELECT coalesce(sum(restante), 0) FROM aparcamiento.bono WHERE matricula = p_matricula) < p_minutos THEN
        RAISE EXCEPTION 'SALDO_INSUFICIENTE';
    END IF;
    WHILE v_pendiente > 0 LOOP
        SELECT * INTO v_bono FROM aparcamiento.bono
        WHERE matricula = p_matricula AND restante <> 0 ORDER BY numero LIMIT 1;
        IF NOT FOUND THEN
            EXIT;
        END IF;
        v_parte := least(v_pendiente, v_bono.restante);
        UPDATE aparcamiento.bono SET restante = restante - v_parte WHERE numero = v_bono.numero;
        v_pendiente := v_pendiente - v_parte;
    END LOOP;
    RETURN p_minutos;
END;
$funcion$;

-- @safe
CREATE FUNCTION aparcamiento.consumir(p_matricula TEXT, p_minutos INTEGER) RETURNS INTEGER
LANGUAGE plpgsql
AS $funcion$
DECLARE
    v_pendiente INTEGER := p_minutos;
    v_bono aparcamiento.bono;
    v_parte INTEGER;
BEGIN
    PERFORM FROM aparcamiento.abonado WHERE matricula = p_matricula FOR NO KEY UPDATE;
    IF (SELECT coalesce(sum(restante), 0) FROM aparcamiento.bono WHERE matricula = p_matricula) < p_minutos THEN
        RAISE EXCEPTION 'SALDO_INSUFICIENTE';
    END IF;
    WHILE v_pendiente > 0 LOOP
        SELECT * INTO v_bono FROM aparcamiento.bono
        WHERE matricula = p_matricula AND restante <> 0 ORDER BY numero LIMIT 1;
        IF NOT FOUND THEN
            EXIT;
        END IF;
        v_parte := least(v_pendiente, v_bono.restante);
        UPDATE aparcamiento.bono SET restante = restante - v_parte WHERE numero = v_bono.numero;
        v_pendiente := v_pendiente - v_parte;
    END LOOP;
    RETURN p_minutos;
END;
$funcion$;

-- @alone
select aparcamiento.consumir('X', 0);
select aparcamiento.consumir('X', 1);

-- @race
-- @values matricula text
-- @setup
insert into aparcamiento.abonado values (:matricula);
insert into aparcamiento.bono values (1, :matricula, 20), (2, :matricula, 60);
-- @session entrada
-- @call consumir
select aparcamiento.consumir(:matricula, 50);
-- @session salida
-- @call consumir
select aparcamiento.consumir(:matricula, 40);
