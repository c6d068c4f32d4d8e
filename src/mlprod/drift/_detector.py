"""`DriftDetector`: references, checks, and watching row by row, on one store."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from numbers import Real
from typing import Any, Final, TypeVar, final

import attrs
import numpy as np

from mlprod._clock import aware, now, to_datetime
from mlprod._names import check_name, check_text, shorten
from mlprod._progress import Tracker, track
from mlprod.drift._alarms import AlarmBook, DriftAlarm
from mlprod.drift._archive import Archive
from mlprod.drift._calibrating import compare_calibration
from mlprod.drift._checking import New, check
from mlprod.drift._concept import compare_halves, read_series
from mlprod.drift._counts import NumericCounts
from mlprod.drift._feature import Feature
from mlprod.drift._gathering import feature_of
from mlprod.drift._inputs import DataSource, RecentData, read_calibration, read_column, read_recent
from mlprod.drift._measuring import gather, measure
from mlprod.drift._observing import Observers
from mlprod.drift._performance import compare_errors, read_errors
from mlprod.drift._profile import Profile
from mlprod.drift._reference import ReferenceProfile
from mlprod.drift._settings import Correction, Settings
from mlprod.drift._subject import Subject, resolve, resolve_all
from mlprod.drift._values import (
    CalibrationDrift,
    CheckedData,
    ConceptDrift,
    DriftReport,
    PerformanceDrift,
    Policy,
)
from mlprod.drift._watches import Method
from mlprod.errors import InvalidConfigError, InvalidDataError
from mlprod.models import ModelMetadata, ModelSerializer
from mlprod.monitoring import PerformanceMonitor
from mlprod.storage import Store, StoreLike, resolve_store
from mlprod.typing import Clock, Progress

__all__ = ["DriftDetector"]

_T = TypeVar("_T")

_METHODS: Final = ("e_detector", "adwin")
_LONGEST_RUN: Final = 1e15
_LONGEST_NOTE: Final = 1024


@final
class DriftDetector:
    """Tells a change of the world from noise.

    A reference is what the inputs of a model were like when it was fitted: frozen bins and counts, a few
    kilobytes a feature, whatever the size of the table. Every check compares with it, and says of each
    feature how far it has moved, whether that is more than chance, and what would have been seen. Rows are
    taken to be in the order of time: what each owes to the one before is measured, and counts against the
    evidence.

    Safe to share among threads. Instances on the same store, in any number of processes, share references,
    reports and alarms.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(1)
        >>> detector = DriftDetector("memory://docs")
        >>> detector.set_reference("momentum", {"rsi": rng.normal(50, 10, 2000)}).rows
        2000
        >>> report = detector.check("momentum", {"rsi": rng.normal(58, 10, 500)})
        >>> report.overall.drift_detected, report.features["rsi"].psi_level
        (True, 'significant')
        >>> detector.check("momentum", {"rsi": rng.normal(50, 10, 500)}).overall.drift_detected
        False
    """

    def __init__(
        self,
        store: StoreLike | None = None,
        *,
        drift_threshold: float = 0.05,
        psi_threshold: float = 0.25,
        psi_moderate: float = 0.1,
        performance_threshold: float = 0.20,
        lookback_days: float = 30,
        correction: Correction = "bh",
        policy: Policy = "calibrated",
        data_source: DataSource | None = None,
        clock: Clock | None = None,
        volatility_threshold: float = 0.5,
        calibration_threshold: float = 0.05,
        bins: int = 10,
        ordered: bool = True,
        monitor: PerformanceMonitor | None = None,
        method: Method = "e_detector",
        false_alarm_days: float = 30.0,
        rows_per_day: float = 1440.0,
        observer: str = "default",
    ) -> None:
        """Name the store; nothing is read yet.

        Args:
            store: a URL, a path or a store; None is the default store.
            drift_threshold: how often a check may find drift where there is none, over all that it looks at.
            psi_threshold: the index from which a shift is significant.
            psi_moderate: the index from which it is moderate.
            performance_threshold: the growth of errors from which it counts, as a fraction.
            lookback_days: how far back `check` looks where it is given no data.
            correction: for many features: ``"bh"`` (Benjamini and Hochberg) or ``"holm"``.
            policy: ``"calibrated"``: drift is a shift that is at least moderate, and more than chance.
                ``"classic"``: it is a PSI of `psi_threshold`, or a KS p-value below `drift_threshold`, or
                errors grown by `performance_threshold`, chance or not.
            data_source: where `comprehensive_drift_check` gets the data of a symbol.
            clock: the time of references and reports; None is the machine's.
            volatility_threshold: the change of volatility from which it counts, as a fraction.
            calibration_threshold: the growth of the expected calibration error from which it counts.
            bins: how many the PSI has.
            ordered: whether rows are in the order of time. False where they are known to be independent of
                each other, as in a random sample.
            monitor: whose log of features `check` reads where it is given no data; None: one on the same
                store.
            method: how `observe` watches: ``"e_detector"``, whose false alarms are bounded, or ``"adwin"``.
            false_alarm_days: for `observe`: at most one false alarm in so many days, on average.
            rows_per_day: how many rows `observe` is given a day.
            observer: the name under which `observe` keeps its state: processes that watch at the same time
                need one each.

        Raises:
            InvalidConfigError: if an argument is out of its range.
        """
        self._settings = Settings(
            drift_threshold=drift_threshold,
            psi_threshold=psi_threshold,
            psi_moderate=psi_moderate,
            performance_threshold=performance_threshold,
            volatility_threshold=volatility_threshold,
            calibration_threshold=calibration_threshold,
            lookback_days=lookback_days,
            bins=bins,
            correction=correction,
            policy=policy,
            is_ordered=ordered,
        )
        if method not in _METHODS:
            raise InvalidConfigError(f"method must be one of {', '.join(_METHODS)}, not {shorten(method)}")
        run_length = _run_length(false_alarm_days, rows_per_day)
        check_name(observer, "the name of an observer")
        if data_source is not None and not callable(data_source):
            raise InvalidConfigError(
                f"data_source must be a function of a symbol and of the time since when, not "
                f"{shorten(data_source)}"
            )
        self._source = data_source
        self._clock = clock
        self._store = resolve_store(store)
        self._models = ModelSerializer(self._store, clock=clock)
        self._archive = Archive(self._store, clock=clock)
        self._alarms = AlarmBook(self._store)
        self._monitor = monitor
        self._observers = Observers(
            find=self._reference,
            book=self._alarms,
            name=observer,
            method=method,
            run_length=run_length,
            is_ordered=ordered,
            clock=clock,
        )

    def __repr__(self) -> str:
        """Show where the references lie."""
        return f"DriftDetector({self._store.url!r})"

    @property
    def store(self) -> Store:
        """Where references, reports and alarms lie."""
        return self._store

    def set_reference(
        self,
        model_id: str | ModelMetadata,
        data: object,
        *,
        predictions: object = None,
        errors: object = None,
        confidence: object = None,
        correct: object = None,
        feature_names: Sequence[str] | None = None,
        progress: Progress = None,
    ) -> ReferenceProfile:
        """Say what is usual: freeze bins on the data that a model was fitted on, and count them.

        A reference belongs to a version of the model: to that which ``"name@1.4.0"`` or a stage or alias
        names; a bare name means the active one. Of a model that is not in the registry, it is filed under
        just that id.

        Args:
            model_id: the model.
            data: a table of its features, in the order of time: a mapping of names to arrays of shape
                ``(n,)``, an array of shape ``(n, features)`` with `feature_names`, a pandas, polars or Arrow
                table, a Dask DataFrame, or an iterator of such batches. Texts, booleans and categories are
                categorical.
            predictions: what the model answered to them, numbers or classes; shape ``(n,)``. For prediction
                drift.
            errors: how wrong it was on data that it had not seen: numbers, prediction less outcome; or
                booleans, whether it was wrong; shape ``(k,)``. For performance drift.
            confidence: of predictions whose outcome is known, 0 to 1; shape ``(k,)``. For calibration drift.
            correct: whether each of these was right; shape ``(k,)``.
            feature_names: of the columns of an array.
            progress: who is told how far the table is counted, in values (rows by features), or in
                partitions of a Dask DataFrame; see `mlprod.typing.Progress`.

        Returns:
            The reference, which now stands.

        Raises:
            InvalidDataError: if the data are no table, have no rows, or a column that cannot be a feature,
                such as one of dates; nothing was changed then.
            InvalidNameError: if `model_id` is none.
            MissingExtraError: if a library is needed to read the data.
            StoreError: if it cannot be written; the reference before still stands then.

        Example:
            >>> detector = DriftDetector("memory://docs-reference")
            >>> data = {"side": ["buy", "sell", "buy"], "size": [1.0, None, 3.0]}
            >>> detector.set_reference("m", data).features["side"].bins.categories
            ('buy', 'sell')
        """
        subject = resolve(self._models, model_id)
        answers = None if predictions is None else _feature(predictions, "predictions", self._settings.bins)
        mistakes, metric = (None, "") if errors is None else _error_feature(errors, self._settings.bins)
        calibration = read_calibration(confidence, correct)
        with track(progress) as tracker:
            tracker.describe(f"{subject}: setting the reference")
            features, rows, sample = gather(
                data, bins=self._settings.bins, feature_names=feature_names, tracker=tracker
            )
        reference = ReferenceProfile(
            model_id=subject.name,
            version=subject.version,
            id=secrets.token_hex(8),
            created_at=now(self._clock),
            rows=rows,
            features=features,
            sample=sample,
            predictions=answers,
            errors=mistakes,
            error_metric=metric,
            calibration=calibration,
        )
        self._archive.save(reference)
        self._observers.release(reference.model_id)
        return reference

    setReference = set_reference

    def get_reference(self, model_id: str | ModelMetadata) -> ReferenceProfile:
        """Return the reference that stands.

        Args:
            model_id: the model; that of the version, or one that was set for the model whatever its version.

        Raises:
            ReferenceNotFoundError: if none was set.
            ChecksumError: if its file has changed since it was written.
        """
        return self._archive.find(resolve(self._models, model_id))

    getReference = get_reference

    def profile(
        self,
        model_id: str | ModelMetadata,
        data: object,
        *,
        feature_names: Sequence[str] | None = None,
        progress: Progress = None,
    ) -> Profile:
        """Count a table on the bins of the reference; profiles of parts add up to that of the whole.

        Args:
            model_id: the model.
            data: a table, as for `set_reference`. Columns that the reference does not have are not looked at.
            feature_names: of the columns of an array.
            progress: as for `set_reference`.

        Raises:
            ReferenceNotFoundError: if no reference was set.
            InvalidDataError: if it is no table, has no rows, lacks a feature, or has one of another kind.

        Example:
            >>> detector = DriftDetector("memory://docs-profile")
            >>> _ = detector.set_reference("m", {"x": list(range(1000))})
            >>> monday = detector.profile("m", {"x": [3.0, 700.0]})
            >>> tuesday = detector.profile("m", {"x": [250.0]})
            >>> detector.check("m", monday + tuesday).rows
            3
        """
        with track(progress) as tracker:
            return measure(self.get_reference(model_id), data, feature_names, tracker=tracker)

    def check(
        self,
        model_id: str | ModelMetadata,
        data: object = None,
        *,
        predictions: object = None,
        feature_names: Sequence[str] | None = None,
        note: str = "",
        progress: Progress = None,
    ) -> DriftReport:
        """Compare data with the reference; the report goes to the history.

        Args:
            model_id: the model.
            data: a table, as for `set_reference`, or a `Profile`. None: the features that
                `PerformanceMonitor` recorded with this model's predictions in the last `lookback_days`.
            predictions: what the model answered; shape ``(n,)``. Needs a reference that was set with some.
            feature_names: of the columns of an array.
            note: what the data are, in words, to be shown with the report: ``"2008 and 2009"``.
            progress: as for `set_reference`.

        Returns:
            The report: what has drifted, how far, and how sure that is.

        Raises:
            ReferenceNotFoundError: if no reference was set.
            InvalidDataError: if the data are no table, have no rows, lack a feature, or have one of another
                kind; if a profile was made on the bins of another reference; or if nothing was recorded.
            StoreError: if the report cannot be written.
        """
        subject, reference = self._reference(model_id)
        about = CheckedData(origin="given", note=_note(note))
        table = data
        if data is None:
            table, about = self._logged(subject, about)
        with track(progress) as tracker:
            new = New(
                profile=_profile(reference, table, feature_names, tracker),
                predictions=_measured_predictions(reference, predictions),
                data=about,
            )
        return self._report(subject, reference, new)

    def check_performance(self, model_id: str | ModelMetadata, errors: object) -> PerformanceDrift:
        """Compare errors with those of the reference.

        Args:
            model_id: the model.
            errors: recent ones, as in `set_reference`, in the order of time; shape ``(n,)``.

        Raises:
            ReferenceNotFoundError: if no reference was set.
            InvalidDataError: if it was set without errors, or if these are none.
        """
        _, reference = self._reference(model_id)
        counts = _measured_errors(reference, errors)
        found = _required(reference.errors, reference, "errors")
        return compare_errors(
            found,
            reference.error_metric,
            counts,
            alpha=self._settings.drift_threshold,
            settings=self._settings,
        )

    checkPerformance = check_performance

    def check_calibration(
        self, model_id: str | ModelMetadata, confidence: object, correct: object
    ) -> CalibrationDrift:
        """Compare how confidence and accuracy go together with the reference.

        Args:
            model_id: the model.
            confidence: of predictions whose outcome is known, 0 to 1; shape ``(n,)``.
            correct: whether each was right; shape ``(n,)``.

        Raises:
            ReferenceNotFoundError: if no reference was set.
            InvalidDataError: if it was set without confidence, or if these are none.
        """
        _, reference = self._reference(model_id)
        current = read_calibration(confidence, correct)
        if current is None:
            raise InvalidDataError("confidence and correct are both needed")
        return compare_calibration(
            _required(reference.calibration, reference, "confidence"),
            current,
            alpha=self._settings.drift_threshold,
            settings=self._settings,
        )

    checkCalibration = check_calibration

    def check_concept(self, model_id: str | ModelMetadata, series: object) -> ConceptDrift:
        """Compare the second half of a series with the first: volatility, distribution, and when it changed.

        Args:
            model_id: the model that depends on it; it needs no reference for this.
            series: at least 8 numbers in the order of time that should be stationary, such as returns, not
                prices; NaN is left out; shape ``(n,)``.

        Raises:
            InvalidDataError: if it is no such series.
        """
        resolve(self._models, model_id)
        return compare_halves(
            read_series(series), alpha=self._settings.drift_threshold, settings=self._settings
        )

    checkConcept = check_concept

    def comprehensive_drift_check(
        self,
        symbol: str | None = None,
        model_id: str | ModelMetadata | None = None,
        data: object = None,
        *,
        recent_predictions: object = None,
        errors: object = None,
        series: object = None,
        confidence: object = None,
        correct: object = None,
        note: str = "",
        progress: Progress = None,
    ) -> DriftReport:
        """Check everything that there is data for, in one report; it goes to the history.

        Args:
            symbol: what to ask the detector's `data_source` for, such as ``"AAPL"``; kept with the report.
            model_id: the model.
            data: a table of features, or a `Profile`; None: what the data source gives, else what
                `PerformanceMonitor` recorded.
            recent_predictions: what the model answered lately: numbers or classes, or mappings with
                ``"prediction"`` and, where it is known, ``"actual"``: then also how wrong it was.
            errors: as in `set_reference`.
            series: as for `check_concept`.
            confidence: as in `set_reference`.
            correct: as in `set_reference`.
            note: as for `check`.
            progress: as for `set_reference`.

        Raises:
            ReferenceNotFoundError: if no reference was set.
            InvalidConfigError: if a symbol is given without data to a detector without a data source, or no
                model.
            InvalidDataError: if something given is not what it should be, or the reference was set without
                it.
        """
        if model_id is None:
            raise InvalidConfigError("a check needs model_id=: the model whose reference is compared with")
        subject, reference = self._reference(model_id)
        about = CheckedData(
            origin="fetched" if data is None else "given", symbol=_symbol(symbol), note=_note(note)
        )
        recent = RecentData() if data is not None and self._source is None else self._fetched(symbol)
        answers, mistakes = read_recent(recent_predictions)
        table = _first(data, recent.features)
        new_errors, answers = _first(errors, mistakes, recent.errors), _first(answers, recent.predictions)
        moves = _first(series, recent.series)
        calibration = read_calibration(confidence, correct)
        if calibration is not None:
            _required(reference.calibration, reference, "confidence")
        if new_errors is not None and mistakes is new_errors and reference.errors is None:
            new_errors = None  # outcomes that came along, not asked about
        if recent_predictions is not None and reference.predictions is None and new_errors is None:
            raise InvalidDataError(
                "there is nothing to compare recent_predictions with: the reference of "
                f"{reference.model_id!r} was set without predictions, and without errors or their outcomes "
                "are not known. Set it anew, with predictions= or errors="
            )
        if table is None:
            table, about = self._logged(subject, about)
        with track(progress) as tracker:
            profile = _profile(reference, table, None, tracker)
        new = New(
            profile=profile,
            predictions=_measured_predictions(reference, answers, is_optional=recent_predictions is not None),
            errors=None if new_errors is None else _measured_errors(reference, new_errors),
            calibration=calibration,
            series=None if moves is None else read_series(moves),
            data=about,
        )
        return self._report(subject, reference, new)

    comprehensiveDriftCheck = comprehensive_drift_check

    def should_retrain(self, report: DriftReport) -> bool:
        """Return whether a report is reason enough to train the model anew.

        It is where a feature or the predictions have shifted significantly, or errors or the meaning of
        confidence have drifted. A moderate shift, or a series that behaves differently, calls for a closer
        look. Why, and how sure that is, is in ``report.overall.evidence``.
        """
        return any(found.calls_for_retraining for found in report.overall.evidence)

    shouldRetrain = should_retrain

    def history(self, model_id: str | ModelMetadata, *, since: datetime | None = None) -> list[DriftReport]:
        """Return the reports of all checks, the oldest first.

        Args:
            model_id: the model, all versions of it; or one version, as ``"name@1.4.0"``.
            since: leave out those before this time.
        """
        first = None if since is None else aware(since, "since")
        return self._archive.reports(resolve_all(self._models, model_id), first)

    def latest_reports(
        self,
        *,
        acting: Mapping[str, str] | None = None,
        on_unreadable: Callable[[str, str], object] | None = None,
    ) -> dict[str, DriftReport]:
        """Return the newest report of each model, by name: one listing, and one read for each.

        Args:
            acting: of some models, the version that counts: its newest report is returned if it has one, be
                there a newer one of another version or not.
            on_unreadable: told the model and why, where the newest report cannot be read; the model is left
                out. None: that is an error.
        """
        return self._archive.latest(acting or {}, on_unreadable)

    latestReports = latest_reports

    def observe(self, model_id: str | ModelMetadata, row_or_batch: object) -> DriftAlarm | None:
        """Watch a row, or some, as they come.

        Nothing is looked at twice, memory is constant, and looking at every row costs no false alarms: on
        average there is at most one in `false_alarm_days` at `rows_per_day`, for all features together (for
        ADWIN that is not so). The state is written every 30 seconds, at an alarm and at `flush`: what was
        observed since is observed anew by nobody after a crash, which only delays an alarm. A store that
        cannot be written stops nobody from watching: that goes to the log, the alarm is returned all the
        same, and is written later. A new reference is watched against within 30 seconds.

        Args:
            model_id: the model.
            row_or_batch: a mapping of names to single values, None or NaN where missing; or a table, as for
                `set_reference`.

        Returns:
            The alarm, if there is one, the first of several; the watch begins anew after it.

        Raises:
            ReferenceNotFoundError: if no reference was set.
            InvalidDataError: if a feature is missing or of another kind: then the row, or that batch, was not
                observed; or if the reference is too short.
            StoreError: if reference and state cannot be read, when a model is observed first.
        """
        key = model_id if isinstance(model_id, str) else str(resolve(self._models, model_id))
        return self._observers.observe(key, row_or_batch)

    def alarms(self, model_id: str | ModelMetadata) -> list[DriftAlarm]:
        """Return the alarms of `observe`, of all processes, the oldest first."""
        return self._alarms.alarms(resolve_all(self._models, model_id))

    def latest_alarms(
        self, *, count: int = 1, on_unreadable: Callable[[str, str], object] | None = None
    ) -> dict[str, list[DriftAlarm]]:
        """Return the newest alarms of each model, whatever its version: one listing, and a read for each.

        Args:
            count: at most so many of each model.
            on_unreadable: told the model and why, for each alarm that cannot be read and is left out. None:
                that is an error.

        Returns:
            By name; the oldest first.

        Raises:
            InvalidConfigError: if `count` is less than one.
        """
        if count < 1:
            raise InvalidConfigError(f"count must be 1 or more, not {shorten(count)}")
        return self._alarms.latest(count, on_unreadable)

    latestAlarms = latest_alarms

    def flush(self) -> None:
        """Write how far `observe` has come, and alarms that could not be written before.

        Raises:
            StoreError: if the store cannot be written; call it again later.
        """
        self._observers.flush()

    def _reference(self, model_id: str | ModelMetadata) -> tuple[Subject, ReferenceProfile]:
        subject = resolve(self._models, model_id)
        return subject, self._archive.find(subject)

    def _report(self, subject: Subject, reference: ReferenceProfile, new: New) -> DriftReport:
        report = check(reference, new, settings=self._settings, time=now(self._clock))
        report = attrs.evolve(report, version=subject.version)  # the reference may be that of all versions
        self._archive.record(report)
        return report

    def _logged(self, subject: Subject, about: CheckedData) -> tuple[object, CheckedData]:
        """Return the features that the monitor recorded lately, and from when to when they are."""
        monitor = self._monitor or PerformanceMonitor(self._store, clock=self._clock)
        window = timedelta(days=self._settings.lookback_days)
        columns = monitor.get_features(subject.name, subject.version, window=window)
        times = columns.pop("time")
        if not len(times):
            raise InvalidDataError(
                f"no features of {str(subject)!r} were recorded in the last {self._settings.lookback_days:g} "
                "days: give data=, or record them with record_prediction(…, features=…)"
            )
        since, until = map(to_datetime, times[[0, -1]].astype(np.int64).tolist())
        return columns, attrs.evolve(about, origin="recorded", since=since, until=until)

    def _fetched(self, symbol: str | None) -> RecentData:
        if symbol is None:
            return RecentData()
        if self._source is None:
            raise InvalidConfigError(
                f"nothing tells where the data of {shorten(symbol)} are: make the detector with "
                "data_source=, a function of a symbol and of the time since when"
            )
        found = self._source(symbol, now(self._clock) - timedelta(days=self._settings.lookback_days))
        return found if isinstance(found, RecentData) else RecentData(features=found)


def _note(note: object) -> str:
    return check_text(note, "the note of a check", limit=_LONGEST_NOTE)


def _symbol(symbol: object) -> str | None:
    return None if symbol is None else check_text(symbol, "a symbol", limit=_LONGEST_NOTE)


def _run_length(days: object, rows_per_day: object) -> float:
    for name, value in (("false_alarm_days", days), ("rows_per_day", rows_per_day)):
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < _LONGEST_RUN:
            raise InvalidConfigError(f"{name} must be a positive number, not {shorten(value)}")
    rows = float(days) * float(rows_per_day)  # type: ignore[arg-type]  # numbers, as was just checked
    if not 1 <= rows <= _LONGEST_RUN:
        raise InvalidConfigError(
            f"false_alarm_days times rows_per_day must be 1 to {_LONGEST_RUN:.0e} rows, not {rows:g}"
        )
    return rows


def _profile(
    reference: ReferenceProfile, data: object, feature_names: Sequence[str] | None, tracker: Tracker
) -> Profile:
    if not isinstance(data, Profile):
        return measure(reference, data, feature_names, tracker=tracker)
    if data.reference != reference.id:
        raise InvalidDataError(
            f"the profile was made on the bins of another reference ({data.reference}) than the one of "
            f"{reference.model_id!r} that stands ({reference.id}): make it again with detector.profile(…)"
        )
    if not reference.fits(data):
        raise InvalidDataError(
            f"the profile of {reference.model_id!r} was damaged, or made by another version of mlprod: its "
            "counts do not fit the bins of the reference. Make it again with detector.profile(…)"
        )
    if not data.rows:
        raise InvalidDataError(f"the profile of {reference.model_id!r} has no rows; nothing was compared")
    return data


def _feature(values: object, name: str, bins: int) -> Feature:
    return feature_of(read_column(values, name), bins=bins)


def _error_feature(errors: object, bins: int) -> tuple[Feature, str]:
    found, metric = read_errors(errors)
    return feature_of(found, bins=bins), metric


def _measured_errors(reference: ReferenceProfile, errors: object) -> NumericCounts:
    feature = _required(reference.errors, reference, "errors")
    found, metric = read_errors(errors)
    if metric != reference.error_metric:
        raise InvalidDataError(
            f"the errors of the reference of {reference.model_id!r} are of the kind "
            f"{reference.error_metric!r}, these of "
            f"the kind {metric!r}: numbers cannot be compared with whether it was wrong"
        )
    counts = feature.measure(found)
    if not isinstance(counts, NumericCounts):  # pragma: no cover - errors are numbers
        raise TypeError
    return counts


def _measured_predictions(
    reference: ReferenceProfile, predictions: object, *, is_optional: bool = False
) -> Any:  # noqa: ANN401 - counts of either kind
    if predictions is None or (is_optional and reference.predictions is None):
        return None
    feature = _required(reference.predictions, reference, "predictions")
    return feature.measure(feature.accept("predictions", read_column(predictions, "predictions")))


def _required(found: _T | None, reference: ReferenceProfile, what: str) -> _T:
    if found is None:
        raise InvalidDataError(
            f"the reference of {reference.model_id!r} was set without {what}, so that there is nothing to "
            f"compare with: set it anew, with {what}="
        )
    return found


def _first(*values: object) -> object:
    """Return the first that is given."""
    return next((value for value in values if value is not None), None)
