# Makes design_answers.csv from designs.csv with R's survey package (4.4 or later).
#   Rscript tests/oracle/survey/make_design_answers.R tests/oracle/survey
suppressMessages(library(survey))
folder <- commandArgs(TRUE)[1]
everybody <- read.csv(file.path(folder, "designs.csv"), stringsAsFactors = FALSE)
kinds <- c("plain", "plain", "fpc", "fpc", "share", "share", "flat", "srs", "clusters", "stages", "stages", "stages")
ways <- c("adjust", "average", "adjust", "remove", "average", "certainty", "adjust", "fail", "fail", "adjust", "average", "remove")
out <- file(file.path(folder, "design_answers.csv"), "w")
say <- function(key, expr) {
  v <- tryCatch(suppressWarnings(suppressMessages(as.numeric(expr))), error = function(e) NA)
  cat(key, sprintf("%.17g", v), sep = ",", file = out); cat("\n", file = out)
}
both <- function(m) c(coef(m), SE(m))
options(warn = -1)
for (k in seq_along(kinds)) {
  options(survey.lonely.psu = ways[k]); d <- everybody[everybody$design == k - 1, ]
  des <- switch(kinds[k],
    plain = svydesign(~psu, strata = ~stratum, weights = ~w, nest = TRUE, data = d),
    fpc = , share = svydesign(~psu, strata = ~stratum, weights = ~w, fpc = ~psus_n, nest = TRUE, data = d),
    flat = svydesign(~1, strata = ~stratum, weights = ~w, data = d),
    srs = svydesign(~1, weights = ~w, data = d),
    clusters = svydesign(~I(stratum * 100 + psu), weights = ~w, data = d),
    stages = svydesign(~psu + ssu, strata = ~stratum, weights = ~w, fpc = ~psus_n + ssus_n, nest = TRUE, data = d))
  for (dom in c("all", "F", "F_R0")) {
    s <- switch(dom, all = subset(des, w > 0), F = subset(des, w > 0 & sex == "F"),
                F_R0 = subset(des, w > 0 & sex == "F" & region == "R0"))
    at <- function(what) paste(k - 1, dom, what, sep = "|")
    say(at("total"), c(both(svytotal(~y, s)), deff(svytotal(~y, s, deff = TRUE))))
    say(at("mean"), c(both(svymean(~y, s)), deff(svymean(~y, s, deff = TRUE))))
    say(at("gap"), both(svymean(~gap, s, na.rm = TRUE)))
    say(at("ratio"), both(svyratio(~y, ~x, s)))
    say(at("count"), both(svytotal(~I(0 * y + 1), s)))
    say(at("df"), degf(s))
    for (method in c("logit", "asin", "beta", "mean", "xlogit")) say(at(paste0("share_", method)), attr(svyciprop(~b, s, method = method), "ci"))
    for (rule in c("math", "school", "shahvaish", paste0("hf", 1:9))) say(at(paste0("quantile_", rule)), svyquantile(~y, s, 0.4, qrule = rule)$y[1:4])
    for (type in c("beta", "xlogit", "asin", "score")) say(at(paste0("interval_", type)), svyquantile(~y, s, 0.5, interval.type = type)$y[1:4])
    for (kind in c("F", "Chisq", "Wald", "adjWald", "saddlepoint")) say(at(paste0("test_", kind)), {m <- svychisq(~age + status, s, statistic = kind); c(m$statistic, m$p.value)})
  }
  by <- svyby(~y, ~status, subset(des, w > 0), svytotal, covmat = TRUE)
  say(paste(k - 1, "all", "gap_of_totals", sep = "|"), both(svycontrast(by, c(1, -1))))
  by <- svyby(~y, ~status, subset(des, w > 0), svymean, covmat = TRUE)
  say(paste(k - 1, "all", "gap_of_means", sep = "|"), both(svycontrast(by, c(1, -1))))
  for (type in c("JK1", "JKn")) {
    r <- tryCatch(as.svrepdesign(des, type = type), error = function(e) NULL)
    say(paste(k - 1, "all", type, sep = "|"), c(both(svytotal(~y, subset(r, w > 0))), both(svymean(~y, subset(r, w > 0))), degf(subset(r, w > 0))))
  }
}
close(out)
