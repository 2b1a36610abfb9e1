"""The interface in other languages. The source language is English; Blender shows an entry when it has one.

A test finds every English text in the sources, so that an entry whose original was changed does not stay behind.
"""

import bpy

from .translations_buttons import ROWS as BUTTONS
from .translations_drawings import ROWS as DRAWINGS
from .translations_knobs import ROWS as KNOBS
from .translations_meshes import ROWS as MESHES
from .translations_plan import ROWS as PLAN
from .translations_settings import ROWS as SETTINGS
from .translations_tasks import ROWS as TASKS
from .translations_texture import ROWS as TEXTURE

LANGUAGES = ("de_DE", "fr_FR")

ROWS: tuple[tuple[str, ...], ...] = (
    # English, then one text for each of LANGUAGES
    (
        "Make a first mesh from a sample picture. Nothing to install.",
        "Ein erstes Netz aus einem Beispielbild. Es muss nichts installiert werden.",
        "Créer un premier maillage à partir d'une image d'exemple. Rien à installer.",
    ),
    (
        "Try It Now",
        "Jetzt ausprobieren",
        "Essayer maintenant",
    ),
    (
        "Start Server",
        "Server starten",
        "Démarrer le serveur",
    ),
    (
        "Restart Server",
        "Server neu starten",
        "Redémarrer le serveur",
    ),
    (
        "Stop Server",
        "Server beenden",
        "Arrêter le serveur",
    ),
    (
        "Show Log",
        "Protokoll zeigen",
        "Afficher le journal",
    ),
    (
        "Open Preferences",
        "Einstellungen öffnen",
        "Ouvrir les préférences",
    ),
    (
        "Copy Report",
        "Bericht kopieren",
        "Copier le rapport",
    ),
    (
        "Try Again",
        "Noch einmal versuchen",
        "Réessayer",
    ),
    (
        "Dismiss",
        "Ausblenden",
        "Masquer",
    ),
    (
        "Generate",
        "Erzeugen",
        "Générer",
    ),
    (
        "Cancel",
        "Abbrechen",
        "Annuler",
    ),
    (
        "Choose Picture",
        "Bild wählen",
        "Choisir une image",
    ),
    (
        "Picture",
        "Bild",
        "Image",
    ),
    (
        "Model",
        "Modell",
        "Modèle",
    ),
    (
        "Name",
        "Name",
        "Nom",
    ),
    (
        "Prompt",
        "Beschreibung",
        "Description",
    ),
    (
        "Seed",
        "Startwert",
        "Graine",
    ),
    (
        "New Seed",
        "Neuer Startwert",
        "Nouvelle graine",
    ),
    (
        "Advanced",
        "Erweitert",
        "Avancé",
    ),
    (
        "At 3D Cursor",
        "Am 3D-Cursor",
        "Au curseur 3D",
    ),
    (
        "Replace Empty",
        "Empty ersetzen",
        "Remplacer l'empty",
    ),
    (
        "Results",
        "Ergebnisse",
        "Résultats",
    ),
    (
        "Place",
        "Platzieren",
        "Placer",
    ),
    (
        "Again",
        "Noch mal",
        "Refaire",
    ),
    (
        "{model} (no download)",
        "{model} (ohne Download)",
        "{model} (sans téléchargement)",
    ),
    (
        "about {seconds} s left",
        "noch etwa {seconds} s",
        "encore {seconds} s environ",
    ),
    (
        "about {minutes} min left",
        "noch etwa {minutes} min",
        "encore {minutes} min environ",
    ),
    (
        "Waiting for the server",
        "Warte auf den Server",
        "En attente du serveur",
    ),
    (
        "Start the server to see the models",
        "Server starten, um Modelle zu sehen",
        "Démarrer le serveur pour voir les modèles",
    ),
    (
        "A job is running: wait for it, or cancel it",
        "Ein Auftrag läuft: abwarten oder abbrechen",
        "Une tâche est en cours : attendez-la ou annulez-la",
    ),
    (
        "Nothing has been made yet in this Blender session",
        "In dieser Blender-Sitzung ist noch nichts entstanden",
        "Rien n'a encore été créé dans cette session de Blender",
    ),
    (
        "Go back to Object Mode",
        "Zurück in den Objektmodus wechseln",
        "Revenez en mode Objet",
    ),
    (
        "No picture is chosen.",
        "Es ist kein Bild gewählt.",
        "Aucune image n'est choisie.",
    ),
    (
        "The AI server is not running.",
        "Der KI-Server läuft nicht.",
        "Le serveur d'IA n'est pas démarré.",
    ),
    (
        "The AI server is starting.",
        "Der KI-Server startet.",
        "Le serveur d'IA démarre.",
    ),
    (
        "The server does not offer this model.",
        "Der Server bietet dieses Modell nicht an.",
        "Le serveur ne propose pas ce modèle.",
    ),
    (
        "Choose another model.",
        "Wähle ein anderes Modell.",
        "Choisissez un autre modèle.",
    ),
    (
        "No empty is selected to be replaced.",
        "Es ist kein Empty gewählt, das ersetzt werden soll.",
        "Aucun empty à remplacer n'est sélectionné.",
    ),
    (
        "Select one, or place at the 3D cursor.",
        "Wähle eins, oder platziere am 3D-Cursor.",
        "Sélectionnez-en un, ou placez au curseur 3D.",
    ),
    (
        "Waiting for the render to end",
        "Warte auf das Ende des Renderns",
        "En attente de la fin du rendu",
    ),
    (
        "Waiting for the current tool to end",
        "Warte auf das Ende des Werkzeugs",
        "En attente de la fin de l'outil",
    ),
    (
        "Done. Go back to Object Mode to see the result",
        "Fertig. Im Objektmodus erscheint das Ergebnis",
        "Terminé. Le résultat apparaîtra en mode objet",
    ),
    (
        "Done. Go back to its scene to see the result",
        "Fertig. In seiner Szene erscheint das Ergebnis",
        "Terminé. Le résultat apparaîtra dans sa scène",
    ),
    (
        "Make it now, with the settings of the AIGC tab; Blender stays usable meanwhile",
        "Jetzt erzeugen, mit den Einstellungen des AIGC-Reiters; Blender bleibt dabei bedienbar",
        "Générer avec les réglages de l'onglet AIGC ; Blender reste utilisable pendant ce temps",
    ),
    (
        "Stop the running job; the scene stays as it is",
        "Den laufenden Auftrag abbrechen; die Szene bleibt, wie sie ist",
        "Arrêter la tâche en cours ; la scène reste inchangée",
    ),
    (
        "Put this result into the scene, as one undo step",
        "Das Ergebnis in die Szene setzen, als ein Schritt, der sich zurücknehmen lässt",
        "Placer ce résultat dans la scène, en une seule étape d'annulation",
    ),
    (
        "The picture to work from; transparency marks the background",
        "Das Ausgangsbild; Transparenz ist Hintergrund",
        "L'image de départ ; la transparence marque le fond",
    ),
    (
        "Last Render",
        "Letztes Rendering",
        "Dernier rendu",
    ),
    (
        "Last Result",
        "Letztes Ergebnis",
        "Dernier résultat",
    ),
    (
        "Upscale",
        "Vergrößern",
        "Agrandir",
    ),
    (
        "Copy Command Line",
        "Kommandozeile kopieren",
        "Copier la ligne de commande",
    ),
    (
        "AIGC Studio renders depth, normals and lines; Blender waits for them",
        "AIGC Studio rendert Tiefe, Normalen und Linien; Blender wartet darauf",
        "AIGC Studio calcule profondeur, normales et lignes ; Blender les attend",
    ),
    (
        "What to make",
        "Was entstehen soll",
        "Ce qu'il faut créer",
    ),
    (
        "Where the result goes",
        "Wohin das Ergebnis kommt",
        "Où va le résultat",
    ),
    (
        "The same seed and settings give the same result again",
        "Gleicher Startwert und gleiche Einstellungen ergeben wieder dasselbe",
        "La même graine et les mêmes réglages redonnent le même résultat",
    ),
    (
        "Check Views",
        "Ansichten prüfen",
        "Vérifier les vues",
    ),
    (
        "Debug View",
        "Diagnoseansicht",
        "Vue de diagnostic",
    ),
    (
        "Coverage",
        "Abdeckung",
        "Couverture",
    ),
    (
        "Seams",
        "Nähte",
        "Coutures",
    ),
    (
        "Occluded by Others",
        "Von anderen verdeckt",
        "Masqué par les autres",
    ),
    (
        "Blend Again",
        "Neu überblenden",
        "Fusionner à nouveau",
    ),
    (
        "Draw Again",
        "Neu zeichnen",
        "Redessiner",
    ),
    (
        "Export Maps",
        "Texturen exportieren",
        "Exporter les textures",
    ),
    (
        "Selected Faces",
        "Gewählte Flächen",
        "Faces sélectionnées",
    ),
    (
        "Painted Mask",
        "Gemalte Maske",
        "Masque peint",
    ),
    *TASKS,
    *BUTTONS,
    *PLAN,
    *SETTINGS,
    *TEXTURE,
    *KNOBS,
    *MESHES,
    *DRAWINGS,
)


def texts(language: str) -> dict[str, str]:
    """English -> `language`."""
    column = LANGUAGES.index(language) + 1
    return {row[0]: row[column] for row in ROWS}


def _entries() -> dict[str, dict[tuple[str, str], str]]:
    """For Blender: buttons look a text up as an operator's, everything else without a context."""
    return {
        language: {
            (context, english): other for english, other in texts(language).items() for context in ("*", "Operator")
        }
        for language in LANGUAGES
    }


def register() -> None:
    bpy.app.translations.register(__package__, _entries())


def unregister() -> None:
    bpy.app.translations.unregister(__package__)
